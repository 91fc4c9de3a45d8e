package io.modscan.cli;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.ModscanVersion;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The command line. {@code --help} tells its commands and options. */
@Command(
        name = "modscan",
        description = {
            "Shows which attention heads and neurons of an OPT model respond to which topics,",
            "captures the activations of any ONNX model, and exports it with every tensor as an output."
        },
        subcommands = {SitesCommand.class, CaptureCommand.class, ScanCommand.class, ExportCommand.class},
        mixinStandardHelpOptions = true,
        versionProvider = Modscan.Version.class,
        synopsisSubcommandLabel = "(sites | capture | scan | export)")
public final class Modscan {

    private Modscan() {}

    @Option(names = "--debug", scope = ScopeType.INHERIT, description = "Show the stack trace of a failure.")
    private boolean debug;

    /** The version of the library that runs. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"modscan " + ModscanVersion.current()};
        }
    }

    /**
     * Runs a command and exits: 0 if all went well, 1 after a failure, 2 after wrong usage, 130 if it was ended by Ctrl-C,
     * 143 if it was ended by {@code kill}.
     *
     * @param args the command and its options
     */
    public static void main(String[] args) {
        PrintWriter out = new PrintWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8), true);
        PrintWriter err = new PrintWriter(new OutputStreamWriter(System.err, StandardCharsets.UTF_8), true);
        System.exit(Signals.around(() -> run(out, err, args)));
    }

    /**
     * Runs a command within this process.
     *
     * @param out  where results are printed
     * @param err  where progress and failures are printed
     * @param args the command and its options
     * @return 0 if all went well, 1 after a failure, 2 after wrong usage
     */
    public static int run(PrintWriter out, PrintWriter err, String... args) {
        CommandLine line = commandLine(out, err);
        try {
            return line.execute(args.length == 0 ? new String[] {"--help"} : args);
        } catch (OutOfMemoryError e) {
            Modscan modscan = line.getCommand();
            return modscan.failed(
                    new ModscanException(
                            "out of memory (" + e.getMessage()
                                    + "): pool, take fewer sites or prompts, or give Java more,"
                                    + " such as JDK_JAVA_OPTIONS=-Xmx8g",
                            e),
                    err);
        }
    }

    static CommandLine commandLine(PrintWriter out, PrintWriter err) {
        Modscan modscan = new Modscan();
        return new CommandLine(modscan)
                .setOut(out)
                .setErr(err)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((failure, command, parsed) -> modscan.failed(failure, err));
    }

    private int failed(Exception failure, PrintWriter err) {
        if (debug) {
            failure.printStackTrace(err);
        } else {
            String message = failure.getMessage() == null ? failure.toString() : failure.getMessage();
            err.println("modscan: " + ForeignOptions.inOptions(message).replaceAll("\\R+", " "));
        }
        return ExitCode.SOFTWARE;
    }
}
