package io.modscan.cli;

import io.modscan.cli.ProgressBar.Style;
import java.io.PrintWriter;
import picocli.CommandLine.Option;

/** How the progress of a capture is shown. */
final class ProgressOptions {

    /** The styles, and the choice between them. */
    enum Choice {
        AUTO,
        BAR,
        LINES,
        NONE
    }

    @Option(
            names = "--progress",
            paramLabel = "auto|bar|lines|none",
            defaultValue = "auto",
            description = "How progress is shown on standard error (default: auto, a bar on a terminal, else lines).")
    private Choice choice = Choice.AUTO;

    ProgressBar open(PrintWriter err) {
        if (choice == Choice.NONE) {
            return new ProgressBar(err, Style.NONE, 0);
        }
        Terminal terminal = Terminal.ofStandardError();
        Style style = switch (choice) {
            case AUTO -> terminal.redraws() ? Style.BAR : Style.LINES;
            case BAR -> Style.BAR;
            default -> Style.LINES;
        };
        return new ProgressBar(err, style, terminal.columns());
    }
}
