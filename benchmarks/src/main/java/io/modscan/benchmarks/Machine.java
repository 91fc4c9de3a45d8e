package io.modscan.benchmarks;

import ai.onnxruntime.OrtEnvironment;
import io.modscan.core.model.LinearAlgebra;
import io.modscan.core.model.ModscanVersion;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a table of speeds must say of the machine and the programs it was made with. Nothing in it tells one machine of a kind
 * from another: no names of hosts, users or folders.
 */
final class Machine {

    /** What a processor may have, as Linux calls it, and as people do; the products of these types depend on it. */
    private static final Map<String, String> UNITS = units();

    /** What may be on the class path and changes what is measured. */
    private static final List<String> ARTIFACTS = List.of(
            "io.modscan:modscan-onednn",
            "io.modscan:modscan-openblas",
            "com.microsoft.onnxruntime:onnxruntime_gpu",
            "org.bytedeco:dnnl",
            "org.bytedeco:openblas");

    private static final String UNKNOWN = "not told by this system";

    private Machine() {}

    private static Map<String, String> units() {
        Map<String, String> units = new LinkedHashMap<>();
        units.put("avx2", "AVX2");
        units.put("fma", "FMA");
        units.put("avx512f", "AVX-512");
        units.put("avx512_vnni", "AVX-512 VNNI");
        units.put("avx512_bf16", "AVX-512 bfloat16");
        units.put("avx512_fp16", "AVX-512 float16");
        units.put("amx_tile", "AMX");
        units.put("amx_bf16", "AMX bfloat16");
        units.put("asimd", "NEON");
        units.put("sve", "SVE");
        units.put("bf16", "bfloat16");
        units.put("i8mm", "int8 products");
        return units;
    }

    /** What is known, by name, in the order in which it is shown. */
    static Map<String, String> facts() throws IOException {
        Path root = Path.of("/");
        Map<String, String> facts = new LinkedHashMap<>();
        Path processors = root.resolve("proc/cpuinfo");
        facts.putAll(
                Files.isReadable(processors)
                        ? processor(Files.readString(processors))
                        : Map.of("processor", otherProcessor().orElse(UNKNOWN), "instructions", UNKNOWN));
        facts.put("caches of one core", caches(root.resolve("sys/devices/system/cpu/cpu0/cache")));
        facts.put(
                "processors that Java may use",
                Integer.toString(Runtime.getRuntime().availableProcessors()));
        facts.put("memory", memory());
        facts.put("GPU", gpu().orElse("none that nvidia-smi knows"));
        facts.put(
                "system",
                System.getProperty("os.name") + " " + System.getProperty("os.version") + ", "
                        + System.getProperty("os.arch"));
        facts.put("Java", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
        facts.put("modscan", ModscanVersion.current());
        facts.put(
                "ONNX Runtime",
                OrtEnvironment.getEnvironment().getVersion() + ", "
                        + OrtEnvironment.getAvailableProviders().stream()
                                .map(provider -> provider.name().toLowerCase(Locale.ROOT))
                                .sorted()
                                .collect(Collectors.joining(", ")));
        facts.put("products computed by", LinearAlgebra.installed().getClass().getSimpleName());
        facts.put("optional modules", optional());
        return facts;
    }

    /** Name, cores and units, from what Linux tells in {@code /proc/cpuinfo}. */
    static Map<String, String> processor(String cpuinfo) {
        String name = "";
        Set<String> flags = new HashSet<>();
        Set<String> cores = new HashSet<>();
        int logical = 0;
        String socket = "0";
        for (String line : cpuinfo.lines().toList()) {
            int colon = line.indexOf(':');
            if (colon < 0) {
                continue;
            }
            String value = line.substring(colon + 1).strip();
            switch (line.substring(0, colon).strip()) {
                case "processor" -> logical++;
                case "model name" -> name = value;
                case "physical id" -> socket = value;
                case "core id" -> cores.add(socket + "/" + value);
                case "flags", "Features" -> flags.addAll(Arrays.asList(value.split(" ")));
                default -> {}
            }
        }
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("processor", name.isEmpty() ? UNKNOWN : name);
        facts.put("cores", (cores.isEmpty() ? "" : cores.size() + ", ") + logical + " logical");
        String units = UNITS.entrySet().stream()
                .filter(unit -> flags.contains(unit.getKey()))
                .map(Map.Entry::getValue)
                .collect(Collectors.joining(", "));
        facts.put("instructions", units.isEmpty() ? "none of " + String.join(", ", UNITS.values()) : units);
        return facts;
    }

    /** From Linux's folder of a core's caches, such as {@code L1 data 48K, L2 2048K}. */
    static String caches(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return UNKNOWN;
        }
        Map<String, String> caches = new TreeMap<>();
        List<Path> indices;
        try (Stream<Path> files = Files.list(folder)) {
            indices = files.filter(file -> file.getFileName().toString().startsWith("index"))
                    .toList();
        }
        for (Path index : indices) {
            String level = "L" + Files.readString(index.resolve("level")).strip();
            String type = Files.readString(index.resolve("type")).strip().toLowerCase(Locale.ROOT);
            String size = Files.readString(index.resolve("size")).strip();
            caches.put(type.equals("unified") ? level : level + " " + type, size);
        }
        return caches.isEmpty()
                ? UNKNOWN
                : caches.entrySet().stream()
                        .map(cache -> cache.getKey() + " " + cache.getValue())
                        .collect(Collectors.joining(", "));
    }

    private static String memory() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                ? String.format(Locale.ROOT, "%.0f GiB", system.getTotalMemorySize() / (double) (1L << 30))
                : UNKNOWN;
    }

    private static Optional<String> otherProcessor() {
        Optional<String> mac = firstLine("sysctl", "-n", "machdep.cpu.brand_string");
        return mac.isPresent() ? mac : Optional.ofNullable(System.getenv("PROCESSOR_IDENTIFIER"));
    }

    private static Optional<String> gpu() {
        return firstLine("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader");
    }

    /** What a program prints first, if it is there and does not fail. */
    private static Optional<String> firstLine(String... command) {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String printed;
            try (InputStream out = process.getInputStream()) {
                printed = new String(out.readAllBytes(), StandardCharsets.UTF_8);
            }
            return process.waitFor() == 0 ? printed.lines().findFirst().map(String::strip) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }

    private static String optional() throws IOException {
        List<String> present = new ArrayList<>();
        for (String artifact : ARTIFACTS) {
            String[] parts = artifact.split(":", -1);
            URL properties = Machine.class
                    .getClassLoader()
                    .getResource("META-INF/maven/" + parts[0] + "/" + parts[1] + "/pom.properties");
            if (properties != null) {
                Properties read = new Properties();
                try (InputStream in = properties.openStream()) {
                    read.load(in);
                }
                present.add(parts[1] + " " + read.getProperty("version", "of no version"));
            }
        }
        return present.isEmpty() ? "none" : String.join(", ", present);
    }
}
