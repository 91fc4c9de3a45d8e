package io.modscan.onnx.internal.checkpoint;

import io.modscan.core.safetensors.DType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What stands on the pickle machine's stack. Compared by identity only: a hostile value may nest deeply. */
sealed interface PickleValue {
    /** Says what it is, for a message; bounded in length. */
    String what();

    record Text(String text) implements PickleValue {
        @Override
        public String what() {
            return "the text " + PickleBytes.quoted(text);
        }
    }

    record Int(long value) implements PickleValue {
        @Override
        public String what() {
            return "the integer " + value;
        }
    }

    /** A value of which only the kind matters. */
    enum Opaque implements PickleValue {
        NONE("None"),
        BOOLEAN("a boolean"),
        FLOAT("a float"),
        LIST("a list");

        private final String what;

        Opaque(String what) {
            this.what = what;
        }

        @Override
        public String what() {
            return what;
        }
    }

    record Tuple(List<PickleValue> items) implements PickleValue {
        @Override
        public String what() {
            return "a tuple of " + items.size();
        }
    }

    /** A dict or an OrderedDict: torch uses either. */
    final class Dict implements PickleValue {
        final Map<String, PickleValue> entries = new LinkedHashMap<>();
        int otherKeys;

        @Override
        public String what() {
            return "a dict with " + (entries.size() + otherKeys) + " keys";
        }
    }

    /** The names that a state dict uses; the whole registry. */
    enum Admitted implements PickleValue {
        ORDERED_DICT("collections", "OrderedDict", null),
        REBUILD_TENSOR("torch._utils", "_rebuild_tensor_v2", null),
        REBUILD_PARAMETER("torch._utils", "_rebuild_parameter", null),
        DOUBLE("torch", "DoubleStorage", DType.F64),
        FLOAT("torch", "FloatStorage", DType.F32),
        HALF("torch", "HalfStorage", DType.F16),
        BFLOAT16("torch", "BFloat16Storage", DType.BF16),
        LONG("torch", "LongStorage", DType.I64),
        INT("torch", "IntStorage", DType.I32),
        SHORT("torch", "ShortStorage", DType.I16),
        CHAR("torch", "CharStorage", DType.I8),
        BYTE("torch", "ByteStorage", DType.U8),
        BOOL("torch", "BoolStorage", DType.BOOL);

        final String module;
        final String simpleName;
        final @Nullable DType elements;

        Admitted(String module, String simpleName, @Nullable DType elements) {
            this.module = module;
            this.simpleName = simpleName;
            this.elements = elements;
        }

        @Override
        public String what() {
            return module + "." + simpleName;
        }
    }

    /**
     * Bytes that tensors share: an entry of the zip.
     *
     * @param dtype    the type of the elements
     * @param key      the entry's name below {@code data/}
     * @param elements how many elements the pickle says it has, not negative
     */
    record Storage(DType dtype, String key, long elements) implements PickleValue {
        @Override
        public String what() {
            return "a storage";
        }
    }

    /**
     * A view of a storage, as the pickle has it: nothing but the ranks is checked yet.
     *
     * @param storage the bytes
     * @param offset  the first element, counted in elements
     * @param shape   the dimensions
     * @param strides the distance between neighbours along each dimension, in elements; as many as there are dimensions
     */
    record Tensor(Storage storage, long offset, List<Long> shape, List<Long> strides) implements PickleValue {
        @Override
        public String what() {
            return "a tensor";
        }
    }
}
