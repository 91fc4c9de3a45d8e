package io.modscan.cli;

import java.io.PrintWriter;
import java.io.StringWriter;

/** What a command printed and how it ended. */
record CommandLineRun(int status, String out, String err) {

    static CommandLineRun of(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int status = Modscan.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
        return new CommandLineRun(status, out.toString(), err.toString());
    }
}
