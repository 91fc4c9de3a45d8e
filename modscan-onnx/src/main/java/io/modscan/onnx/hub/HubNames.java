package io.modscan.onnx.hub;

import io.modscan.core.error.ModscanException;
import java.util.regex.Pattern;

/** Which names of models, revisions, files and blobs may become parts of a path; a server's names are not to be trusted. */
final class HubNames {

    private static final String PART = "\\w(?:[\\w.-]{0,94}\\w)?";
    private static final Pattern MODEL = Pattern.compile("(?:" + PART + "/)?" + PART);
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
    private static final Pattern ETAG = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}");
    private static final Pattern SEGMENT = Pattern.compile("(?![A-Za-z]:)[^/\\\\\\p{Cntrl}]+");
    private static final Pattern NOT_IN_A_REF = Pattern.compile("[ ~^:?*\\[]");

    private HubNames() {}

    static void checkModel(String model) {
        if (!MODEL.matcher(model).matches() || model.contains("--") || model.contains("..") || model.endsWith(".git")) {
            throw new ModscanException("'" + printable(model) + "' is no name of a hub model; it must be 'name' or"
                    + " 'organisation/name', each of up to 96 of the characters A-Z a-z 0-9 _ - . , with no - or . at either"
                    + " end, no '--', no '..' and no '.git' at the end");
        }
    }

    static void checkRevision(String revision) {
        if (!isFile(revision) || NOT_IN_A_REF.matcher(revision).find() || revision.length() > 255) {
            throw new ModscanException(
                    "'" + printable(revision) + "' is no name of a revision; it must be a branch, a tag"
                            + " or a commit as git allows them: 'main', 'refs/pr/1', 40 hex digits");
        }
    }

    static void checkFile(String file) {
        if (!isFile(file)) {
            throw new ModscanException("'" + printable(file) + "' is no name of a file in a repository; it must be a"
                    + " relative path with '/' between its parts, none of them '.' or '..', without backslashes, drive"
                    + " letters and control characters");
        }
    }

    /** Whether a name can be joined to a folder and stay in it, on any operating system. */
    static boolean isFile(String name) {
        for (String segment : name.split("/", -1)) {
            if (!SEGMENT.matcher(segment).matches() || segment.equals(".") || segment.equals("..")) {
                return false;
            }
        }
        return true;
    }

    static boolean isCommit(String name) {
        return COMMIT.matcher(name).matches();
    }

    static boolean isEtag(String name) {
        return ETAG.matcher(name).matches();
    }

    /** Foreign text made fit for one line of a message. */
    static String printable(String text) {
        String line = text.replaceAll("\\p{Cntrl}", "?");
        return line.length() <= 200 ? line : line.substring(0, 200) + "…";
    }
}
