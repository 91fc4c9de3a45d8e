package io.modscan.cli;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.ModscanVersion;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CancellationException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;

/** The command line. {@code --help} tells its commands and options. */
@Command(
        name = "modscan",
        description = {
            "Shows which attention heads and neurons of an OPT model respond to which topics, and are needed for them,",
            "captures the activations of any ONNX model, and exports it with every tensor as an output."
        },
        subcommands = {
            SitesCommand.class,
            CaptureCommand.class,
            ScanCommand.class,
            TokensCommand.class,
            AblateCommand.class,
            AttributeCommand.class,
            ExportCommand.class
        },
        mixinStandardHelpOptions = true,
        versionProvider = Modscan.Version.class,
        synopsisSubcommandLabel = "(sites | capture | scan | tokens | ablate | attribute | export)")
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
                .setParameterExceptionHandler((wrong, args) -> wrongUsage(wrong, err))
                .setExecutionExceptionHandler((failure, command, parsed) -> modscan.failed(failure, err));
    }

    /** The cause, and where to read on: the whole usage would push it off the screen. */
    private static int wrongUsage(ParameterException wrong, PrintWriter err) {
        CommandLine command = wrong.getCommandLine();
        List<String> unmatched = command.getUnmatchedArguments();
        // A slip in a required option's name is more than that the option is missing.
        boolean slip = wrong instanceof MissingParameterException
                && !unmatched.isEmpty()
                && unmatched.get(0).startsWith("-");
        String problem =
                slip ? "Unknown option: '" + unmatched.get(0) + "'; " + wrong.getMessage() : wrong.getMessage();
        err.println("modscan: " + ModscanException.printable(plainly(String.valueOf(problem))));
        CommandLine.UnmatchedArgumentException.printSuggestions(wrong, err);
        err.println("'" + command.getCommandSpec().qualifiedName() + " --help' tells "
                + (command.getSubcommands().isEmpty() ? "its options" : "the commands"));
        return ExitCode.USAGE;
    }

    /** Some of picocli's messages in better words. */
    private static String plainly(String problem) {
        return problem.replaceFirst("^Error: ", "")
                .replace("option option ", "option ")
                .replace("is not an int", "is not a whole number");
    }

    private static String printableTrace(String line) {
        return line.startsWith("\tat ") ? line : ModscanException.printable(line);
    }

    private int failed(Exception failure, PrintWriter err) {
        if (debug) {
            // Of other libraries' messages, too, nothing may steer the terminal.
            StringWriter trace = new StringWriter();
            failure.printStackTrace(new PrintWriter(trace));
            trace.toString().lines().forEach(line -> err.println(printableTrace(line)));
        } else {
            String message = failure.getMessage() != null
                    ? failure.getMessage()
                    : failure instanceof CancellationException ? "interrupted" : failure.toString();
            err.println("modscan: " + ModscanException.printable(OptionNames.in(message)));
        }
        return ExitCode.SOFTWARE;
    }
}
