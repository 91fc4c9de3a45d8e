package io.modscan.cli;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a message of the library calls by its name in Java, called as it is on the command line. */
final class OptionNames {

    private static final Map<Pattern, Function<MatchResult, String>> OPTIONS = new LinkedHashMap<>();

    static {
        option(
                "OnnxModel\\.withInput\\(\"([^\"]*)\", (?:InputRole\\.)?(\\w+)\\)",
                input -> "--input " + input.group(1) + "=" + input.group(2).toLowerCase(Locale.ROOT));
        option("OnnxModel\\.withInput\\b", "--input NAME=ROLE");
        option("OnnxModel\\.withDimension\\(\"([^\"]*)\", N\\)", "--dimension $1=N");
        option("OnnxModel\\.withDimension\\b", "--dimension SYMBOL=N");
        option("OnnxModel\\.withBatch\\(\"([^\"]*)\"\\)", "--batch $1");
        option("OnnxModel\\.withBatch\\b", "--batch AXIS");
        option("OnnxModel\\.withPositionAxes\\b", "--position-axes GLOB=AXES");
        option("OnnxModel\\.withPositions\\(\"([^\"]*)\"\\)", "--position-axis $1");
        option("OnnxModel\\.withPositions\\b", "--position-axis AXIS");
        option("OnnxModel\\.withHeads\\b", "--heads GLOB=N");
        option("OnnxModel\\.withBosTokenId\\b", "--bos ID");
        option("OnnxModel\\.withMaxTokens\\b", "--max-tokens N");
        option("\\w*Model\\.withTokenizer\\b", "--tokenizer FILE");
        option("OnnxModel\\.dequantized\\b(\\(\\))?", "--dequantize");
        option("RuntimeOptions\\.cpu\\(\\)", "--device cpu");
        option("RuntimeOptions\\.withWeightMemory\\b", "--weight-memory BYTES");
        option("RuntimeOptions\\.bfloat16\\b", "--precision bfloat16");
        option("Loading\\.CHAIN\\b", "--load chain");
        option("Loading\\.AUTOMATIC or CHAIN\\b", "--load auto or chain");
        option("Loading\\.AUTOMATIC\\b", "--load auto");
        option("\\bcutOverlong\\(\\)", "--cut");
        option("\\bmemoryLimit\\b", "--memory");
        option("\\btokenBudget\\b", "--token-budget");
        option("Pooling\\.(none|mean|last|max|sum)\\(\\)", "--pooling $1");
        option("Probe\\.Builder\\.changing\\b", "--changing GLOB");
        option("\\bmodel\\.startingAt\\(recording\\)", "--start FILE");
        option("Prompt\\.ofTensors\\b", "\"inputs\" in a .jsonl file");
        option(" with activations\\.where\\(…\\)", "");
        option(", in Java Hub\\.withTokenOverHttp\\(\\)", "");
        // What is said for both: the option is enough here.
        option("\\b[\\w.]+, on the command line (--)", "$1");
        option("\\bOnnxOpening\\.usual; (--trust) on the command line", "$1");
    }

    private OptionNames() {}

    private static void option(String java, String option) {
        Pattern pattern = Pattern.compile(java);
        option(java, found -> pattern.matcher(found.group()).replaceFirst(option));
    }

    private static void option(String java, Function<MatchResult, String> option) {
        OPTIONS.put(Pattern.compile(java), option);
    }

    /** The message with options in place of methods. */
    static String in(String message) {
        String translated = message;
        for (Map.Entry<Pattern, Function<MatchResult, String>> option : OPTIONS.entrySet()) {
            translated = option.getKey()
                    .matcher(translated)
                    .replaceAll(
                            found -> Matcher.quoteReplacement(option.getValue().apply(found)));
        }
        return translated;
    }
}
