package io.modscan.onednn.internal;

import com.sun.jna.Callback;
import com.sun.jna.CallbackReference;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One custom operator as ONNX Runtime knows it: a structure of functions ({@code struct OrtCustomOp}), which are ours. It is never freed,
 * since sessions and the library itself may use it until the process ends.
 */
final class Operator {

    private static final Logger LOG = LoggerFactory.getLogger(Operator.class);

    /** The first version of the API in which making a kernel and running it can fail with a status. */
    private static final int VERSION = 16;

    private static final int FUNCTIONS = 25;
    private static final int ANY_TYPE = 0;
    private static final int FLOAT = 1;
    private static final int OPTIONAL = 1;

    private static final Map<Long, Node> NODES = new ConcurrentHashMap<>();
    private static final AtomicLong LAST_NODE = new AtomicLong();

    private final OrtApi api;
    private final Workspaces workspaces;
    /** For a failure that cannot even be told. */
    private final long lastResort;

    private final Memory structure = new Memory((FUNCTIONS + 1L) * Native.POINTER_SIZE);
    /** Java's side of the functions, which must not be collected. */
    private final List<Callback> functions = new ArrayList<>();

    private final Memory name;

    /** A node of a graph, and how many inputs it has, those that are left out before the last included. */
    private record Node(Kernel kernel, int inputs) {}

    /** What makes a kernel of what ONNX Runtime tells of a node. */
    interface Maker {
        Kernel make(OrtApi api, long info);
    }

    interface OfOperator extends Callback {
        long call(long operator);
    }

    interface NumberOfOperator extends Callback {
        int call(long operator);
    }

    interface NumberAt extends Callback {
        int call(long operator, long index);
    }

    interface Make extends Callback {
        long call(long operator, long table, long info, Pointer kernel);
    }

    interface Compute extends Callback {
        long call(long kernel, long context);
    }

    interface Destroy extends Callback {
        void call(long kernel);
    }

    /**
     * Describes an operator.
     *
     * @param inputs   how many it may have
     * @param required how many of these it must have
     * @param workspaces that it computes in
     */
    Operator(OrtApi api, String name, int inputs, int required, Workspaces workspaces, Maker maker) {
        this.api = api;
        this.workspaces = workspaces;
        this.lastResort =
                api.failure(new IllegalStateException("an operator failed, and there was no memory to say why"));
        this.name = new Memory(name.length() + 1L);
        this.name.setString(0, name, "US-ASCII");
        long nameAt = Pointer.nativeValue(this.name);
        structure.clear();
        structure.setInt(0, VERSION);
        set(2, (OfOperator) operator -> nameAt);
        set(3, (OfOperator) operator -> 0); // the CPU's
        set(4, (NumberAt) (operator, index) -> ANY_TYPE);
        set(5, (OfOperator) operator -> inputs);
        set(6, (NumberAt) (operator, index) -> FLOAT);
        set(7, (OfOperator) operator -> 1);
        set(9, (Destroy) Operator::destroy);
        set(10, (NumberAt) (operator, index) -> index < required ? 0 : OPTIONAL);
        set(11, (NumberAt) (operator, index) -> 0);
        set(12, (NumberAt) (operator, index) -> 0);
        for (int place = 13; place <= 16; place++) {
            set(place, (NumberOfOperator) operator -> 0);
        }
        set(17, (Make) (operator, table, info, kernel) -> make(maker, info, kernel));
        set(18, (Compute) this::compute);
    }

    private void set(int place, Callback function) {
        functions.add(function);
        structure.setPointer((long) place * Native.POINTER_SIZE, CallbackReference.getFunctionPointer(function));
    }

    Pointer structure() {
        return structure;
    }

    private long make(Maker maker, long info, Pointer kernel) {
        try {
            long number = LAST_NODE.incrementAndGet();
            NODES.put(number, new Node(maker.make(api, info), api.inputs(info)));
            kernel.setLong(0, number);
            return 0;
        } catch (RuntimeException | Error e) {
            return failed(e);
        }
    }

    private long compute(long kernel, long context) {
        try {
            Workspace workspace = workspaces.take();
            try {
                Node node = Objects.requireNonNull(NODES.get(kernel), "a node that was freed");
                node.kernel().compute(new Run(api, context, node.inputs(), workspace));
            } finally {
                workspaces.giveBack(workspace);
            }
            return 0;
        } catch (RuntimeException | Error e) {
            return failed(e);
        }
    }

    /** Nothing may be thrown through native code, where it would count as success. */
    private long failed(Throwable cause) {
        try {
            LOG.debug("an operator failed", cause);
            return api.failure(cause);
        } catch (RuntimeException | Error e) {
            return lastResort;
        }
    }

    private static void destroy(long kernel) {
        try {
            Node node = NODES.remove(kernel);
            if (node != null) {
                node.kernel().close();
            }
        } catch (RuntimeException | Error e) {
            LOG.warn("memory of an operator could not be freed", e);
        }
    }
}
