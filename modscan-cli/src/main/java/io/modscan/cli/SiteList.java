package io.modscan.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/**
 * What {@code --sites} names: globs divided by commas. A comma that is part of a name has a backslash before it; those between picked
 * units, such as {@code logits[5,17]}, divide nothing.
 */
final class SiteList {

    /** For a command's help. */
    static final String COMMAS = " May be given more than once; a comma in a name is written as \\,.";

    private static final Pattern UNITS_SO_FAR = Pattern.compile(".*\\[(\\d+, ?)*\\d+");
    private static final Pattern MORE_UNITS = Pattern.compile(" ?(\\d+, ?)*\\d+]");

    private SiteList() {}

    /** The globs of all times that the option was given; none if it was not. */
    static List<String> globs(List<String> given, CommandLine line) {
        List<String> globs = new ArrayList<>();
        for (String list : given) {
            StringBuilder glob = new StringBuilder();
            for (int i = 0; i < list.length(); i++) {
                if (list.startsWith("\\,", i)) {
                    glob.append(',');
                    i++;
                } else if (list.charAt(i) == ',' && !isBetweenUnits(glob, list.substring(i + 1))) {
                    add(globs, glob);
                } else {
                    glob.append(list.charAt(i));
                }
            }
            add(globs, glob);
        }
        if (globs.isEmpty() && !given.isEmpty()) {
            throw new ParameterException(line, "--sites names no site; leave it away for all of them");
        }
        return globs;
    }

    private static boolean isBetweenUnits(CharSequence before, String behind) {
        return UNITS_SO_FAR.matcher(before).matches()
                && MORE_UNITS.matcher(behind).lookingAt();
    }

    private static void add(List<String> globs, StringBuilder glob) {
        if (glob.length() > 0) {
            globs.add(glob.toString());
        }
        glob.setLength(0);
    }
}
