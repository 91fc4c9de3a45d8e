package io.modscan.onnx.internal.tokenizer;

import io.modscan.onnx.internal.checkpoint.JsonFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a post-processor does to the places of tokens: those that trim leave spaces at either end of a byte-level token out of
 * its characters. It changes no id, and unlike the tokens put around a text it is left to the tokenizers library.
 */
final class SpaceTrim {

    private SpaceTrim() {}

    /**
     * The part of a {@code post_processor} that trims.
     *
     * @param value the post-processor, of a kind that {@link SpecialTokens} lets through
     * @return a post-processor that puts nothing around a text, or null if nothing is trimmed
     */
    static @Nullable Map<String, Object> of(Path file, @Nullable Object value) {
        List<Map<String, Object>> trims = trims(file, value).toList();
        return trims.isEmpty() ? null : Map.of("type", "Sequence", "processors", trims);
    }

    private static Stream<Map<String, Object>> trims(Path file, @Nullable Object value) {
        if (value == null) {
            return Stream.empty();
        }
        JsonFile processor = JsonFile.object(file, value, "'post_processor'");
        return switch (processor.string("type", "")) {
            case "Sequence" ->
                TokenizerParts.list(file, processor, "processors").stream().flatMap(part -> trims(file, part));
            case "ByteLevel", "RobertaProcessing" ->
                processor.flag("trim_offsets", true)
                        ? Stream.of(Map.of(
                                "type",
                                "ByteLevel",
                                "trim_offsets",
                                true,
                                "add_prefix_space",
                                processor.flag("add_prefix_space", true)))
                        : Stream.empty();
            default -> Stream.empty();
        };
    }
}
