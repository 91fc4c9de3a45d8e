package io.modscan.onednn.internal;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.util.List;
import java.util.stream.LongStream;

/**
 * What we use of ONNX Runtime's C API, of which its Java API has no part: custom operators. The API is a table of functions that only
 * grows, so their places hold for each version ({@code struct OrtApi} in onnxruntime_c_api.h).
 */
final class OrtApi {

    private static final int CREATE_STATUS = 0;
    private static final int GET_ERROR_MESSAGE = 2;
    private static final int CREATE_CUSTOM_OP_DOMAIN = 26;
    private static final int CUSTOM_OP_DOMAIN_ADD = 27;
    private static final int ADD_CUSTOM_OP_DOMAIN = 28;
    private static final int GET_TENSOR_MUTABLE_DATA = 51;
    private static final int GET_TENSOR_ELEMENT_TYPE = 60;
    private static final int GET_DIMENSIONS_COUNT = 61;
    private static final int GET_DIMENSIONS = 62;
    private static final int GET_TENSOR_TYPE_AND_SHAPE = 65;
    private static final int KERNEL_INFO_GET_ATTRIBUTE_FLOAT = 85;
    private static final int KERNEL_INFO_GET_ATTRIBUTE_INT64 = 86;
    private static final int KERNEL_CONTEXT_GET_INPUT = 90;
    private static final int KERNEL_CONTEXT_GET_OUTPUT = 91;
    private static final int RELEASE_STATUS = 93;
    private static final int RELEASE_TENSOR_TYPE_AND_SHAPE_INFO = 99;
    private static final int KERNEL_INFO_GET_INPUT_COUNT = 230;

    private static final int FAIL = 1;

    private final Pointer table;
    private final Function getInput;
    private final Function getOutput;
    private final Function getData;
    private final Function getTypeAndShape;
    private final Function getType;
    private final Function getAxes;
    private final Function getLengths;
    private final Function releaseTypeAndShape;

    /** A tensor's type, by ONNX's number, and its axes. */
    record Shape(int type, List<Long> axes) {}

    /** @param table the API's address */
    OrtApi(long table) {
        this.table = new Pointer(table);
        this.getInput = function(KERNEL_CONTEXT_GET_INPUT);
        this.getOutput = function(KERNEL_CONTEXT_GET_OUTPUT);
        this.getData = function(GET_TENSOR_MUTABLE_DATA);
        this.getTypeAndShape = function(GET_TENSOR_TYPE_AND_SHAPE);
        this.getType = function(GET_TENSOR_ELEMENT_TYPE);
        this.getAxes = function(GET_DIMENSIONS_COUNT);
        this.getLengths = function(GET_DIMENSIONS);
        this.releaseTypeAndShape = function(RELEASE_TENSOR_TYPE_AND_SHAPE_INFO);
    }

    private Function function(int place) {
        return Function.getFunction(table.getPointer((long) place * Long.BYTES));
    }

    private void check(Pointer status) {
        if (status != null) {
            String message = function(GET_ERROR_MESSAGE)
                    .invokePointer(new Object[] {status})
                    .getString(0, "UTF-8");
            function(RELEASE_STATUS).invokeVoid(new Object[] {status});
            throw new IllegalStateException(message);
        }
    }

    private void call(Function function, Object... arguments) {
        check(function.invokePointer(arguments));
    }

    /** A status that says what went wrong, for ONNX Runtime to own. */
    long failure(Throwable cause) {
        return Pointer.nativeValue(function(CREATE_STATUS).invokePointer(new Object[] {FAIL, cause.toString()}));
    }

    long createDomain(String name) {
        try (Memory out = new Memory(Long.BYTES);
                Memory text = new Memory(name.length() + 1)) {
            text.setString(0, name, "US-ASCII"); // ONNX Runtime keeps a copy.
            call(function(CREATE_CUSTOM_OP_DOMAIN), text, out);
            return out.getLong(0);
        }
    }

    void addOperator(long domain, Pointer operator) {
        call(function(CUSTOM_OP_DOMAIN_ADD), new Pointer(domain), operator);
    }

    void addDomain(long settings, long domain) {
        call(function(ADD_CUSTOM_OP_DOMAIN), new Pointer(settings), new Pointer(domain));
    }

    long integer(long info, String attribute) {
        try (Memory out = new Memory(Long.BYTES)) {
            call(function(KERNEL_INFO_GET_ATTRIBUTE_INT64), new Pointer(info), attribute, out);
            return out.getLong(0);
        }
    }

    float number(long info, String attribute) {
        try (Memory out = new Memory(Float.BYTES)) {
            call(function(KERNEL_INFO_GET_ATTRIBUTE_FLOAT), new Pointer(info), attribute, out);
            return out.getFloat(0);
        }
    }

    int inputs(long info) {
        try (Memory out = new Memory(Long.BYTES)) {
            call(function(KERNEL_INFO_GET_INPUT_COUNT), new Pointer(info), out);
            return Math.toIntExact(out.getLong(0));
        }
    }

    /** A tensor's handle, or 0 if the input is left out. */
    long input(long context, int index, Memory out) {
        call(getInput, new Pointer(context), (long) index, out);
        return out.getLong(0);
    }

    long output(long context, int index, List<Long> axes, Memory out) {
        for (int i = 0; i < axes.size(); i++) {
            out.setLong((i + 1L) * Long.BYTES, axes.get(i));
        }
        call(getOutput, new Pointer(context), (long) index, out.share(Long.BYTES), (long) axes.size(), out);
        return out.getLong(0);
    }

    /** Where a tensor's values are. */
    long data(long tensor, Memory out) {
        call(getData, new Pointer(tensor), out);
        return out.getLong(0);
    }

    Shape shape(long tensor, Memory out) {
        call(getTypeAndShape, new Pointer(tensor), out);
        Pointer info = out.getPointer(0);
        try {
            call(getType, info, out);
            int type = out.getInt(0);
            call(getAxes, info, out);
            int axes = Math.toIntExact(out.getLong(0));
            call(getLengths, info, out, (long) axes);
            return new Shape(
                    type, LongStream.of(out.getLongArray(0, axes)).boxed().toList());
        } finally {
            releaseTypeAndShape.invokeVoid(new Object[] {info});
        }
    }
}
