package io.modscan.onnx.runtime;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Model;
import io.modscan.core.site.CapturePlan;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Set;

/** A model in files that ONNX Runtime runs, of a family that is known or of any other kind. Immutable; safe for use by many threads. */
public interface RuntimeModel extends Model {

    /**
     * The same model, run otherwise.
     *
     * @param options where and how sources that it opens run
     * @return a copy
     */
    RuntimeModel withRuntime(RuntimeOptions options);

    /**
     * The same model with a tokenizer from elsewhere, such as for a file that was moved away from its own.
     *
     * @param tokenizer a folder with {@code tokenizer.json}, or for OPT with {@code vocab.json} and {@code merges.txt}; or a file
     *                  such as {@code tokenizer.json} itself. Opened when {@link #tokenizer()} is first called
     * @return a copy
     */
    RuntimeModel withTokenizer(Path tokenizer);

    /**
     * The files that the model reads, then or later: its graph or config, its weights, and those of its tokenizer. What is
     * written must not be one of them.
     *
     * @return the files, links followed; unmodifiable
     * @throws UncheckedIOException if a path cannot be followed
     */
    Set<Path> files();

    /**
     * What a plan takes of memory, and what there is, by sizes alone: nothing is loaded.
     *
     * @param plan    the plan, of {@link #plan}
     * @param rows    the prompts of a batch, such as 8
     * @param columns the tokens of its longest, such as 64
     * @return what is taken, and what there is
     * @throws ModscanException if the model can't be read as the plan asks
     */
    PlanMemory memory(CapturePlan plan, int rows, int columns);

    /**
     * Begins an export as an ONNX file.
     *
     * @return settings of the export, which writes every site but those on demand unless told otherwise
     */
    Export export();
}
