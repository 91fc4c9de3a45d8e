package io.modscan.examples;

import io.modscan.demo.DemoModel;
import io.modscan.scan.Scan;
import io.modscan.scan.ScanResult;
import java.io.PrintStream;
import java.nio.file.Path;

/** The README's program on the demo model, without a download: which units light up for law, and the tables and the page of it all. */
final class QuickStart {

    private QuickStart() {}

    /**
     * Scans and writes.
     *
     * @param args the folder to write to; {@code quick-start} unless given
     */
    public static void main(String[] args) {
        scan(Path.of(args.length == 0 ? "quick-start" : args[0]), System.out);
    }

    static void scan(Path folder, PrintStream out) {
        ScanResult result = Scan.of(DemoModel.open())
                .prompts(DemoModel.prompts())
                .label("topic")
                .without(Scan.Part.MODULES) // they take the longest
                .run();
        result.units().top("law", 5).forEach(out::println);
        result.writeTo(folder).forEach(out::println);
    }
}
