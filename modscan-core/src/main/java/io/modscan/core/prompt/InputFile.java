package io.modscan.core.prompt;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.StoredTensor;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A file that holds what one input of a model is given, as a line of JSON names it: by its path alone, or by an object with
 * its path and what else has to be known.
 */
final class InputFile {

    private static final String FILE = "file";
    private static final String TENSOR = "tensor";

    /** The form of a file, told by its name's ending. */
    private enum Form {
        NUMPY,
        SAFETENSORS,
        PICTURE;

        /** What may be said of it beside its path. */
        Set<String> keys() {
            return switch (this) {
                case NUMPY -> Set.of();
                case SAFETENSORS -> Set.of(TENSOR);
                case PICTURE -> PictureFile.KEYS;
            };
        }

        static Form of(Path file) {
            String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
            if (name.endsWith(".npy")) {
                return NUMPY;
            }
            if (name.endsWith(".safetensors")) {
                return SAFETENSORS;
            }
            if (name.endsWith(".png") || name.endsWith(".jpg") || name.endsWith(".jpeg")) {
                return PICTURE;
            }
            throw new ModscanException("'" + file
                    + "' holds no ready tensor by its name; it ends in .npy, .safetensors," + " .png, .jpg or .jpeg");
        }
    }

    private InputFile() {}

    /** What gives the tensors of a prompt, each from its file; that the files are there is checked now. */
    static Supplier<Map<String, InputTensor>> all(Path prompts, Map<?, ?> inputs) {
        Map<String, Supplier<InputTensor>> suppliers = new LinkedHashMap<>();
        inputs.forEach((name, value) -> suppliers.put(String.valueOf(name), of(prompts, String.valueOf(name), value)));
        return () -> {
            Map<String, InputTensor> tensors = new LinkedHashMap<>();
            suppliers.forEach((name, supplier) -> tensors.put(name, supplier.get()));
            return tensors;
        };
    }

    private static Supplier<InputTensor> of(Path prompts, String input, @Nullable Object value) {
        Map<?, ?> said = value instanceof Map<?, ?> map ? map : Map.of();
        if (!((said.isEmpty() ? value : said.get(FILE)) instanceof String name)) {
            throw new ModscanException("input '" + input + "' is " + value
                    + "; it is the name of a file, or an object with" + " a 'file', such as {\"file\": \"cat.npy\"}");
        }
        Path file;
        try {
            file = prompts.resolveSibling(name);
        } catch (InvalidPathException e) {
            throw new ModscanException("input '" + input + "': '" + name + "' cannot be a path", e);
        }
        Form form = Form.of(file);
        for (Object key : said.keySet()) {
            if (!key.equals(FILE) && !form.keys().contains(String.valueOf(key))) {
                throw new ModscanException("input '" + input + "': '" + key + "' says nothing of " + name
                        + "; known are 'file'"
                        + (form.keys().isEmpty()
                                ? ""
                                : " and " + form.keys().stream().sorted().toList()));
            }
        }
        if (!Files.isRegularFile(file)) {
            throw new ModscanException("input '" + input + "': " + file + ": no such file");
        }
        return switch (form) {
            case NUMPY -> () -> NumpyFile.read(file);
            case SAFETENSORS -> {
                String tensor = said.get(TENSOR) instanceof String named ? named : input;
                yield () -> stored(file, tensor, said.containsKey(TENSOR));
            }
            case PICTURE -> {
                PictureFile picture = PictureFile.of(file, said);
                yield picture::read;
            }
        };
    }

    /** A tensor of this name, or, unless it was asked for, the only one. */
    private static InputTensor stored(Path path, String name, boolean asked) {
        SafetensorsFile file = SafetensorsFile.open(path);
        List<StoredTensor> all = List.copyOf(file.tensors().values());
        StoredTensor tensor = file.tensors().get(name);
        if (tensor == null && !asked && all.size() == 1) {
            tensor = all.get(0);
        }
        if (tensor == null) {
            throw new ModscanException(path + ": has no tensor '" + name + "'; it has "
                    + file.tensors().keySet());
        }
        long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
        try {
            return InputTensor.of(tensor.dtype(), file.map(tensor.name()), shape);
        } catch (IllegalArgumentException e) {
            throw new MalformedFileException(path, "tensor '" + tensor.name() + "': " + e.getMessage(), e);
        }
    }
}
