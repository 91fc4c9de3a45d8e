package io.modscan.cli;

import io.modscan.core.site.Objective;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads what gradients are of: {@code loss}, {@code logit:464}, {@code log-prob:answer}, {@code logit-difference:answer,foil}. */
final class ObjectiveConverter implements ITypeConverter<Objective> {

    private static final Pattern TOKENS = Pattern.compile("(logit|log-prob|logit-difference):([^,]+)(?:,([^,]+))?");
    private static final Pattern ID = Pattern.compile("\\d{1,9}");

    @Override
    public Objective convert(String name) {
        if (name.equals("loss")) {
            return Objective.loss();
        }
        Matcher tokens = TOKENS.matcher(name);
        boolean two = name.startsWith("logit-difference:");
        if (!tokens.matches() || two != (tokens.group(3) != null)) {
            throw wrong(name);
        }
        String answer = tokens.group(2);
        boolean id = ID.matcher(answer).matches();
        if (two) {
            String foil = tokens.group(3);
            if (id != ID.matcher(foil).matches() || answer.equals(foil)) {
                throw wrong(name);
            }
            return id
                    ? Objective.logitDifference(Integer.parseInt(answer), Integer.parseInt(foil))
                    : Objective.logitDifference(answer, foil);
        }
        if (tokens.group(1).equals("log-prob")) {
            return id ? Objective.logProb(Integer.parseInt(answer)) : Objective.logProb(answer);
        }
        if (!id) {
            throw wrong(name);
        }
        return Objective.logit(Integer.parseInt(answer));
    }

    private static TypeConversionException wrong(String name) {
        return new TypeConversionException("'" + name
                + "' is none of loss, logit:TOKEN, log-prob:TOKEN and logit-difference:ANSWER,FOIL; tokens are ids, or, but for logit, columns of the prompts that hold"
                + " ids, and answer and foil are two of a kind");
    }
}
