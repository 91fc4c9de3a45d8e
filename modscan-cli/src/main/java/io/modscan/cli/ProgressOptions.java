package io.modscan.cli;

import io.modscan.cli.ProgressBar.Style;
import java.io.PrintWriter;
import java.time.InstantSource;
import picocli.CommandLine.Option;

/** How the progress of a capture, of a search for modules, and of switching units off, is shown. */
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
        Terminal terminal = terminal();
        return new ProgressBar(err, style(terminal), terminal.columns());
    }

    ModuleBar openForModules(PrintWriter err) {
        Terminal terminal = terminal();
        return new ModuleBar(err, style(terminal), terminal.columns(), InstantSource.system());
    }

    StepBar openForSteps(PrintWriter err) {
        Terminal terminal = terminal();
        return new StepBar(err, style(terminal), terminal.columns(), InstantSource.system()).looking();
    }

    EffectBar openForEffects(PrintWriter err) {
        Terminal terminal = terminal();
        return new EffectBar(err, style(terminal), terminal.columns(), InstantSource.system());
    }

    private Terminal terminal() {
        return choice == Choice.NONE ? new Terminal(false, 0) : Terminal.ofStandardError();
    }

    private Style style(Terminal terminal) {
        return switch (choice) {
            case AUTO -> terminal.redraws() ? Style.BAR : Style.LINES;
            case BAR -> Style.BAR;
            case LINES -> Style.LINES;
            case NONE -> Style.NONE;
        };
    }
}
