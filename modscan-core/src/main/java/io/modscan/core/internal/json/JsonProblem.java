package io.modscan.core.internal.json;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;

/** What is wrong with JSON, in words of our own: the parser's speak of its settings and types. */
public final class JsonProblem {

    private static final String DUPLICATE = "Duplicate field ";

    private JsonProblem() {}

    /** Says it for the end of a message. */
    public static String of(JsonProcessingException e) {
        String theirs = String.valueOf(e.getOriginalMessage());
        if (e instanceof StreamConstraintsException) {
            return theirs.contains("depth")
                    ? "objects or lists are nested to a greater depth than is read"
                    : "a name, number or string is longer than is read";
        }
        if (theirs.startsWith(DUPLICATE)) {
            return "duplicate key " + theirs.substring(DUPLICATE.length());
        }
        String where = e.getLocation() == null
                ? ""
                : (e.getLocation().getLineNr() > 1
                                ? " in line " + e.getLocation().getLineNr()
                                : "") + " at column " + e.getLocation().getColumnNr();
        if (theirs.contains("surrogate")) {
            return "a character in it is half of a surrogate pair," + where;
        }
        return (e instanceof JsonEOFException ? "it ends too early," : "what stands there is no JSON,") + where;
    }
}
