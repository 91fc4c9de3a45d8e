package io.modscan.onnx.internal.checkpoint;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.internal.checkpoint.PickleValue.Admitted;
import io.modscan.onnx.internal.checkpoint.PickleValue.Dict;
import io.modscan.onnx.internal.checkpoint.PickleValue.Int;
import io.modscan.onnx.internal.checkpoint.PickleValue.Opaque;
import io.modscan.onnx.internal.checkpoint.PickleValue.Storage;
import io.modscan.onnx.internal.checkpoint.PickleValue.Tensor;
import io.modscan.onnx.internal.checkpoint.PickleValue.Text;
import io.modscan.onnx.internal.checkpoint.PickleValue.Tuple;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Reads the pickle of a PyTorch state dict and nothing else. A pickle is a program for a small stack machine that may
 * call anything in Python; this reader knows only the opcodes that {@code torch.save} writes for a dict of tensors
 * (protocols 2 to 5), admits a fixed list of names, and refuses every other name without running or building anything.
 *
 * <p>Time and memory are linear in the number of opcodes, which is bounded, and no value is ever walked recursively, so
 * a hostile pickle cannot exhaust either.
 */
public final class StateDictPickle {

    /** Holds some 50,000 tensors, at about 40 opcodes each, and keeps a hostile pickle within a heap of 256 MB. */
    static final int MAX_OPCODES = 2_000_000;

    /** PyTorch's own limit on dimensions. */
    private static final int MAX_RANK = 64;

    private static final int MARK = '(';
    private static final int STOP = '.';
    private static final int BINFLOAT = 'G';
    private static final int BININT = 'J';
    private static final int BININT1 = 'K';
    private static final int BININT2 = 'M';
    private static final int NONE = 'N';
    private static final int BINPERSID = 'Q';
    private static final int REDUCE = 'R';
    private static final int BINUNICODE = 'X';
    private static final int EMPTY_LIST = ']';
    private static final int APPEND = 'a';
    private static final int BUILD = 'b';
    private static final int GLOBAL = 'c';
    private static final int APPENDS = 'e';
    private static final int BINGET = 'h';
    private static final int LONG_BINGET = 'j';
    private static final int BINPUT = 'q';
    private static final int LONG_BINPUT = 'r';
    private static final int SETITEM = 's';
    private static final int TUPLE = 't';
    private static final int SETITEMS = 'u';
    private static final int EMPTY_DICT = '}';
    private static final int EMPTY_TUPLE = ')';
    private static final int PROTO = 0x80;
    private static final int TUPLE1 = 0x85;
    private static final int TUPLE2 = 0x86;
    private static final int TUPLE3 = 0x87;
    private static final int NEWTRUE = 0x88;
    private static final int NEWFALSE = 0x89;
    private static final int LONG1 = 0x8a;
    private static final int SHORT_BINUNICODE = 0x8c;
    private static final int STACK_GLOBAL = 0x93;
    private static final int MEMOIZE = 0x94;
    private static final int FRAME = 0x95;

    private final PickleBytes pickle;
    private final List<PickleValue> stack = new ArrayList<>();
    private final Deque<Integer> marks = new ArrayDeque<>();
    private final List<PickleValue> memo = new ArrayList<>();

    private StateDictPickle(PickleBytes pickle) {
        this.pickle = pickle;
    }

    /**
     * Reads a state dict.
     *
     * @param file   the file that it is from, for messages
     * @param entry  the zip entry that it is from, for messages
     * @param pickle all its bytes
     * @return name to tensor, in the order of the dict; unmodifiable
     * @throws MalformedFileException    if it is no pickle that torch could have written for a dict
     * @throws UnsupportedModelException if it names anything beyond what a state dict needs, or if it holds anything
     *                                   but a dict of tensors
     */
    static Map<String, Tensor> read(Path file, String entry, byte[] pickle) {
        StateDictPickle reader = new StateDictPickle(new PickleBytes(file, entry, pickle));
        return reader.stateDict(reader.run());
    }

    private Map<String, Tensor> stateDict(PickleValue top) {
        if (!(top instanceof Dict dict)) {
            throw new UnsupportedModelException(
                    pickle.name() + " holds " + top.what() + "; right is a state dict, a dict of name to tensor");
        }
        if (dict.otherKeys > 0) {
            throw new UnsupportedModelException(pickle.name() + " holds " + dict.what() + ", of which " + dict.otherKeys
                    + " are not texts; right is a state dict, a dict of name to tensor");
        }
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        dict.entries.forEach((name, value) -> {
            if (!(value instanceof Tensor tensor)) {
                throw new UnsupportedModelException(pickle.name() + " has " + value.what() + " at the key "
                        + PickleBytes.quoted(name)
                        + "; right is a state dict, a dict of name to tensor. If this is a training "
                        + "checkpoint with the state dict in one of its entries, save that entry alone: "
                        + "torch.save(checkpoint['model'], 'pytorch_model.bin')");
            }
            tensors.put(name, tensor);
        });
        return Collections.unmodifiableMap(tensors);
    }

    private PickleValue run() {
        int opcode = pickle.readByte();
        int protocol = pickle.readByte();
        if (opcode != PROTO || protocol < 2 || protocol > 5) {
            throw pickle.malformed("begins with the bytes " + PickleBytes.hex(opcode) + " " + PickleBytes.hex(protocol)
                    + "; right is 0x80 and a protocol from 2 to 5");
        }
        for (int opcodes = 1; opcodes <= MAX_OPCODES; opcodes++) {
            opcode = pickle.readOpcode();
            if (opcode == STOP) {
                return result();
            }
            step(opcode);
        }
        throw pickle.malformed("goes on after " + MAX_OPCODES + " opcodes, more than any state dict needs");
    }

    private PickleValue result() {
        PickleValue result = pop();
        if (!stack.isEmpty() || !marks.isEmpty() || pickle.hasRemaining()) {
            throw pickle.malformed("ends with " + stack.size() + " values and " + marks.size() + " marks left over and "
                    + pickle.remaining() + " bytes after it; right is none");
        }
        return result;
    }

    private void step(int opcode) {
        switch (opcode) {
            // What follows a frame's length are opcodes as any.
            case FRAME -> pickle.readLength(8, "a frame");
            case MARK -> marks.push(stack.size());
            case NONE -> stack.add(Opaque.NONE);
            case NEWTRUE, NEWFALSE -> stack.add(Opaque.BOOLEAN);
            case BINFLOAT -> {
                pickle.readUnsigned(8);
                stack.add(Opaque.FLOAT);
            }
            case BININT -> stack.add(new Int((int) pickle.readUnsigned(4)));
            case BININT1 -> stack.add(new Int(pickle.readUnsigned(1)));
            case BININT2 -> stack.add(new Int(pickle.readUnsigned(2)));
            case LONG1 -> stack.add(new Int(pickle.readLong1()));
            case BINUNICODE -> stack.add(new Text(pickle.readText(pickle.readLength(4, "a text"))));
            case SHORT_BINUNICODE -> stack.add(new Text(pickle.readText(pickle.readLength(1, "a text"))));
            case EMPTY_TUPLE -> stack.add(new Tuple(List.of()));
            case TUPLE -> stack.add(new Tuple(popToMark()));
            case TUPLE1 -> stack.add(popTuple(1));
            case TUPLE2 -> stack.add(popTuple(2));
            case TUPLE3 -> stack.add(popTuple(3));
            case EMPTY_LIST -> stack.add(Opaque.LIST);
            case APPEND -> append(List.of(pop()));
            case APPENDS -> append(popToMark());
            case EMPTY_DICT -> stack.add(new Dict());
            case SETITEM -> setItems(popTuple(2).items());
            case SETITEMS -> setItems(popToMark());
            case MEMOIZE -> remember(memo.size());
            case BINPUT -> remember(pickle.readUnsigned(1));
            case LONG_BINPUT -> remember(pickle.readUnsigned(4));
            case BINGET -> stack.add(recall(pickle.readUnsigned(1)));
            case LONG_BINGET -> stack.add(recall(pickle.readUnsigned(4)));
            case GLOBAL -> stack.add(admitted(pickle.readLine(), pickle.readLine()));
            case STACK_GLOBAL -> stackGlobal();
            case BINPERSID -> stack.add(storage(pop()));
            case REDUCE -> reduce();
            case BUILD -> build();
            default ->
                throw pickle.malformed("opcode " + PickleBytes.hex(opcode)
                        + (opcode > ' ' && opcode < 0x7f ? " ('" + (char) opcode + "')" : "")
                        + " is none that torch.save writes for a state dict; nothing was run");
        }
    }

    private void append(List<PickleValue> items) {
        // What is in a list never matters, only that it is one: no state dict that can be used has any.
        if (top() != Opaque.LIST) {
            throw pickle.malformed("appends " + items.size() + " items to " + top().what() + "; right is a list");
        }
    }

    private void setItems(List<PickleValue> keysAndValues) {
        if (!(top() instanceof Dict dict) || keysAndValues.size() % 2 != 0) {
            throw pickle.malformed("sets " + keysAndValues.size() + " keys and values in " + top().what()
                    + "; right is an even number, in a dict");
        }
        for (int i = 0; i < keysAndValues.size(); i += 2) {
            if (!(keysAndValues.get(i) instanceof Text key)) {
                dict.otherKeys++;
            } else if (dict.entries.putIfAbsent(key.text(), keysAndValues.get(i + 1)) != null) {
                throw pickle.malformed("the key " + PickleBytes.quoted(key.text()) + " is twice in one dict");
            }
        }
    }

    private void remember(long index) {
        PickleValue value = top();
        if (index < memo.size()) {
            memo.set((int) index, value);
        } else if (index == memo.size()) {
            memo.add(value);
        } else {
            throw pickle.malformed("stores memo " + index + "; the next free one is " + memo.size());
        }
    }

    private PickleValue recall(long index) {
        if (index >= memo.size()) {
            throw pickle.malformed("asks for memo " + index + "; there are " + memo.size());
        }
        return memo.get((int) index);
    }

    private void stackGlobal() {
        List<PickleValue> names = popTuple(2).items();
        if (!(names.get(0) instanceof Text module) || !(names.get(1) instanceof Text name)) {
            throw pickle.malformed("a class is named by " + list(names) + "; right are two texts");
        }
        stack.add(admitted(module.text(), name.text()));
    }

    private Admitted admitted(String module, String name) {
        for (Admitted candidate : Admitted.values()) {
            if (candidate.module.equals(module) && candidate.simpleName.equals(name)) {
                return candidate;
            }
        }
        throw new UnsupportedModelException(
                pickle.where() + "names the class " + PickleBytes.quoted(module + "." + name)
                        + "; only "
                        + Arrays.stream(Admitted.values()).map(Admitted::what).collect(Collectors.joining(", "))
                        + " are admitted; nothing was run. If you trust the file, load it in Python and save its tensors with "
                        + "safetensors.torch.save_file");
    }

    private Storage storage(PickleValue id) {
        if (id instanceof Tuple tuple
                && tuple.items().size() == 5
                && tuple.items().get(0) instanceof Text kind
                && kind.text().equals("storage")
                && tuple.items().get(1) instanceof Admitted type
                && type.elements != null
                && tuple.items().get(2) instanceof Text key
                && tuple.items().get(3) instanceof Text
                && tuple.items().get(4) instanceof Int elements
                && elements.value() >= 0) {
            return new Storage(type.elements, key.text(), elements.value());
        }
        throw pickle.malformed("a storage is given as " + (id instanceof Tuple tuple ? list(tuple.items()) : id.what())
                + "; right is ('storage', its type, its key, its device, its number of elements)");
    }

    private void reduce() {
        List<PickleValue> call = popTuple(2).items();
        if (!(call.get(0) instanceof Admitted function) || !(call.get(1) instanceof Tuple tuple)) {
            throw pickle.malformed("calls " + call.get(0).what() + " with "
                    + call.get(1).what() + "; right is one of torch's functions with a tuple");
        }
        List<PickleValue> arguments = tuple.items();
        if (function == Admitted.ORDERED_DICT && arguments.isEmpty()) {
            stack.add(new Dict());
        } else if (function == Admitted.REBUILD_PARAMETER
                && !arguments.isEmpty()
                && arguments.get(0) instanceof Tensor tensor) {
            stack.add(tensor);
        } else if (function == Admitted.REBUILD_TENSOR
                && (arguments.size() == 6 || arguments.size() == 7)
                && arguments.get(0) instanceof Storage storage
                && arguments.get(1) instanceof Int offset
                && arguments.get(2) instanceof Tuple shape
                && arguments.get(3) instanceof Tuple strides) {
            refuseViewFlags(arguments);
            stack.add(tensor(storage, offset.value(), longs(shape), longs(strides)));
        } else {
            throw pickle.malformed("calls " + function.what() + " with " + list(arguments)
                    + "; right are OrderedDict with nothing, _rebuild_parameter with a tensor, and _rebuild_tensor_v2 "
                    + "with a storage, offset, sizes, strides, requires_grad and hooks");
        }
    }

    /** A lazily negated or conjugated tensor does not lie in the file as it is: a seventh argument says so. */
    private void refuseViewFlags(List<PickleValue> arguments) {
        if (arguments.size() == 7
                && arguments.get(6) != Opaque.NONE
                && !(arguments.get(6) instanceof Dict flags && flags.entries.isEmpty() && flags.otherKeys == 0)) {
            throw new UnsupportedModelException(
                    pickle.where() + "a tensor is a negated or conjugated view; right are tensors whose values "
                            + "lie in the file. Call resolve_neg().resolve_conj() on each and save them again");
        }
    }

    private Tensor tensor(Storage storage, long offset, List<Long> shape, List<Long> strides) {
        if (shape.size() != strides.size() || shape.size() > MAX_RANK) {
            throw pickle.malformed("a tensor has " + shape.size() + " sizes and " + strides.size()
                    + " strides; right are equally many, at most " + MAX_RANK);
        }
        return new Tensor(storage, offset, shape, strides);
    }

    private List<Long> longs(Tuple tuple) {
        List<Long> longs = new ArrayList<>(tuple.items().size());
        for (PickleValue item : tuple.items()) {
            if (!(item instanceof Int integer)) {
                throw pickle.malformed("a tensor's sizes or strides hold " + item.what() + "; right are integers");
            }
            longs.add(integer.value());
        }
        return Collections.unmodifiableList(longs);
    }

    /** A module's state dict carries its version numbers as attributes of the OrderedDict; nothing here needs them. */
    private void build() {
        PickleValue state = pop();
        if (!(state instanceof Dict) || !(top() instanceof Dict)) {
            throw pickle.malformed("sets attributes of " + top().what() + " from " + state.what()
                    + "; right is a dict's, from a dict");
        }
    }

    private PickleValue top() {
        if (stack.size() <= (marks.isEmpty() ? 0 : marks.element())) {
            throw pickle.malformed("takes a value from an empty stack");
        }
        return stack.get(stack.size() - 1);
    }

    private PickleValue pop() {
        PickleValue value = top();
        stack.remove(stack.size() - 1);
        return value;
    }

    private Tuple popTuple(int count) {
        PickleValue[] items = new PickleValue[count];
        for (int i = count - 1; i >= 0; i--) {
            items[i] = pop();
        }
        return new Tuple(List.of(items));
    }

    private List<PickleValue> popToMark() {
        if (marks.isEmpty()) {
            throw pickle.malformed("goes back to a mark that is not there");
        }
        List<PickleValue> above = stack.subList(marks.pop(), stack.size());
        List<PickleValue> items = List.copyOf(above);
        above.clear();
        return items;
    }

    /** Bounded, since a hostile tuple may have any length. */
    private static String list(List<PickleValue> values) {
        return values.stream().limit(8).map(PickleValue::what).collect(Collectors.joining(", ", "(", ""))
                + (values.size() > 8 ? ", …)" : ")");
    }
}
