package io.modscan.onednn.internal;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import io.modscan.core.model.Threads;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.util.List;
import org.bytedeco.javacpp.Loader;

/**
 * oneDNN's library and its threads' (GNU OpenMP), as bytedeco packs them. They are put into JavaCPP's cache ({@code
 * ~/.javacpp/cache}, or where the system property {@code org.bytedeco.javacpp.cachedir} says), once a version.
 */
final class DnnlLibrary {

    private static final String FOLDER = "org/bytedeco/dnnl/linux-x86_64/";

    /** Instructions, from the bits of dnnl_cpu_isa_t; the first whose bits are all there says what the processor has. */
    private static final List<Instructions> KNOWN = List.of(
            new Instructions(0xfef, "AVX-512 with AMX", true, true),
            new Instructions(0xe7, "AVX-512 with bfloat16", true, true),
            new Instructions(0x27, "AVX-512", true, false),
            new Instructions(0x7, "AVX2", false, false),
            new Instructions(0x3, "AVX", false, false),
            new Instructions(0, "SSE4.1", false, false));

    /** Without AVX-512 oneDNN has no products in bfloat16, or such that some of our shapes and types don't go with. */
    private record Instructions(int bits, String name, boolean computesBfloat16, boolean hasBfloat16) {}

    private final Function setThreads;
    private final long engine;
    private final String version;
    private final Instructions instructions;

    private DnnlLibrary(NativeLibrary dnnl, NativeLibrary openmp) {
        Dnnl.bind(dnnl);
        this.setThreads = openmp.getFunction("omp_set_num_threads");
        long[] created = new long[1];
        Dnnl.check(Dnnl.dnnl_engine_create(created, Dnnl.CPU, 0), "use the processor");
        this.engine = created[0];
        Pointer numbers = Dnnl.dnnl_version(); // three ints
        this.version = numbers.getInt(0) + "." + numbers.getInt(4) + "." + numbers.getInt(8);
        int bits = Dnnl.dnnl_get_effective_cpu_isa();
        this.instructions = KNOWN.stream()
                .filter(known -> (bits & known.bits()) == known.bits())
                .findFirst()
                .orElseThrow();
    }

    private static final class Holder {
        static final DnnlLibrary LIBRARY = Threads.uninterrupted(DnnlLibrary::load);
    }

    /**
     * The library, which is loaded at the first call and stays.
     *
     * @throws UnsatisfiedLinkError if it is not there for this system
     */
    static DnnlLibrary get() {
        return Holder.LIBRARY;
    }

    private static DnnlLibrary load() {
        String system = System.getProperty("os.name") + " " + System.getProperty("os.arch");
        if (!system.equals("Linux amd64")) {
            throw new UnsatisfiedLinkError("modscan-onednn is for Linux on x86-64, and this is " + system);
        }
        try {
            NativeLibrary openmp = NativeLibrary.getInstance(unpacked("libgomp.so.1"));
            return new DnnlLibrary(NativeLibrary.getInstance(unpacked("libdnnl.so.3")), openmp);
        } catch (IOException e) {
            throw (UnsatisfiedLinkError)
                    new UnsatisfiedLinkError("oneDNN's library cannot be unpacked: " + e).initCause(e);
        }
    }

    private static String unpacked(String name) throws IOException {
        // Of the class loader: a module finds its own resources only.
        URL packed = DnnlLibrary.class.getClassLoader().getResource(FOLDER + name);
        if (packed == null) {
            throw new UnsatisfiedLinkError(FOLDER + name
                    + " is not on the class path; it comes with org.bytedeco:dnnl, classifier linux-x86_64");
        }
        File file = Loader.cacheResource(packed);
        return file.getAbsolutePath();
    }

    long engine() {
        return engine;
    }

    String version() {
        return version;
    }

    /** The processor's instructions in words. */
    String instructions() {
        return instructions.name();
    }

    boolean hasBfloat16() {
        return instructions.hasBfloat16();
    }

    boolean computesBfloat16() {
        return instructions.computesBfloat16();
    }

    /** How many threads primitives use that the current thread runs. */
    void useThreads(int count) {
        setThreads.invokeVoid(new Object[] {count});
    }
}
