package io.modscan.cli;

import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Model;
import io.modscan.demo.DemoModel;
import io.modscan.onnx.opt.OptModel;
import io.modscan.onnx.runtime.Loading;
import io.modscan.onnx.runtime.ProductPrecision;
import io.modscan.onnx.runtime.RuntimeModel;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The options of commands that run a model: which, where and how. */
final class RunOptions {

    @Option(
            names = "--device",
            paramLabel = "cpu|cuda[:N]",
            defaultValue = "cpu",
            converter = DeviceConverter.class,
            description = "Where to run (default: cpu). CUDA needs onnxruntime_gpu in place of onnxruntime.")
    private RuntimeOptions device = RuntimeOptions.cpu();

    @Option(
            names = "--threads",
            paramLabel = "N",
            converter = ThreadsConverter.class,
            description = "Threads on the CPU (default: one a physical core).")
    private @Nullable Integer threads;

    @Option(
            names = "--precision",
            paramLabel = "float32|bfloat16",
            defaultValue = "float32",
            converter = PrecisionConverter.class,
            description =
                    "What matrix products are computed in (default: float32). bfloat16 is faster on processors that"
                            + " have units for it, and off by thousandths; it needs modscan-onednn on the class path.")
    private ProductPrecision precision = ProductPrecision.FLOAT32;

    @Option(
            names = "--load",
            paramLabel = "auto|whole|chain",
            defaultValue = "auto",
            converter = LoadingConverter.class,
            description =
                    "Run a model as a whole, or as a chain of blocks that are read one after the other (default: auto, a"
                            + " chain where the whole does not fit).")
    private Loading loading = Loading.AUTOMATIC;

    @Option(
            names = "--weight-memory",
            paramLabel = "BYTES",
            converter = BytesConverter.class,
            description = "What weights may take, in float32, such as 6g (default: what the machine has beside Java).")
    private @Nullable Long weightMemory;

    @Option(
            names = "--memory",
            paramLabel = "BYTES",
            converter = BytesConverter.class,
            description = "What a run may take beside the model and its results, such as 500m (default: 1g).")
    private @Nullable Long memory;

    @Option(
            names = "--token-budget",
            paramLabel = "TOKENS",
            converter = TokensConverter.class,
            description =
                    "How many tokens, padding included, are run at once (default: 512 a thread on a CPU, from 1024 to 8192; 8192 on CUDA).")
    private @Nullable Integer tokenBudget;

    @Option(
            names = "--tokenizer",
            paramLabel = "DIR|FILE.json",
            description = "A tokenizer from elsewhere, for a model that comes without one.")
    private @Nullable Path tokenizer;

    @Mixin
    private ModelOptions source = new ModelOptions();

    /** Opens an OPT model for a command that can do with no other. */
    OptModel loadOpt(String model, String why, PrintWriter err) {
        OptModel runnable = source.loadOpt(model, why, err).withRuntime(runtime());
        return tokenizer == null ? runnable : runnable.withTokenizer(tokenizer);
    }

    /** Opens an OPT model or any other. */
    RuntimeModel loadAny(String model, ForeignOptions foreign, CommandLine line) {
        return apply(source.loadAny(model, foreign, line), foreign.with(runtime()));
    }

    RuntimeModel demo() {
        source.refuseRevision("the demo model");
        return apply(DemoModel.open(), runtime());
    }

    private RuntimeModel apply(RuntimeModel model, RuntimeOptions runtime) {
        RuntimeModel runnable = model.withRuntime(runtime);
        return tokenizer == null ? runnable : runnable.withTokenizer(tokenizer);
    }

    private RuntimeOptions runtime() {
        RuntimeOptions loaded = device.withLoading(loading);
        RuntimeOptions limited = weightMemory == null ? loaded : loaded.withWeightMemory(weightMemory);
        RuntimeOptions threaded = threads == null ? limited : limited.withThreads(threads);
        if (precision == ProductPrecision.BFLOAT16 && threaded.cudaDevice().isPresent()) {
            throw new ModscanException("--precision bfloat16 is for the CPU; leave it away, or --device");
        }
        return precision == ProductPrecision.BFLOAT16 ? threaded.bfloat16() : threaded;
    }

    /** Reads {@code float32} or {@code bfloat16}. */
    static final class PrecisionConverter implements ITypeConverter<ProductPrecision> {
        @Override
        public ProductPrecision convert(String precision) {
            return switch (precision) {
                case "float32" -> ProductPrecision.FLOAT32;
                case "bfloat16" -> ProductPrecision.BFLOAT16;
                default -> throw new TypeConversionException("'" + precision + "' is neither float32 nor bfloat16");
            };
        }
    }

    /** Reads {@code auto}, {@code whole} or {@code chain}. */
    static final class LoadingConverter implements ITypeConverter<Loading> {
        @Override
        public Loading convert(String how) {
            return switch (how) {
                case "auto" -> Loading.AUTOMATIC;
                case "whole" -> Loading.WHOLE;
                case "chain" -> Loading.CHAIN;
                default -> throw new TypeConversionException("'" + how + "' is neither auto nor whole nor chain");
            };
        }
    }

    /** Reads {@code cpu}, {@code cuda} or {@code cuda:N}. */
    static final class DeviceConverter implements ITypeConverter<RuntimeOptions> {
        private static final Pattern CUDA = Pattern.compile("cuda(?::(\\d{1,4}))?");

        @Override
        public RuntimeOptions convert(String device) {
            Matcher cuda = CUDA.matcher(device);
            if (cuda.matches()) {
                return RuntimeOptions.cuda(cuda.group(1) == null ? 0 : Integer.parseInt(cuda.group(1)));
            }
            if (device.equals("cpu")) {
                return RuntimeOptions.cpu();
            }
            throw new TypeConversionException("'" + device + "' is neither cpu nor cuda nor cuda:N");
        }
    }

    /** What a run may take beside the model and its results. */
    long memoryLimit() {
        return memory == null ? 1L << 30 : memory;
    }

    /** Begins a probe within the given memory. */
    Probe.Builder probe(Model model) {
        return withTokenBudget(Probe.builder(model).memoryLimit(memoryLimit()));
    }

    /** A probe that runs as many tokens at once as was said. */
    Probe.Builder withTokenBudget(Probe.Builder probe) {
        return tokenBudget == null ? probe : probe.tokenBudget(tokenBudget);
    }

    /** Reads a number of bytes, such as {@code 500m}. */
    static final class BytesConverter implements ITypeConverter<Long> {
        private static final Pattern BYTES = Pattern.compile("([1-9]\\d{0,17})([kmgt]?)");

        @Override
        public Long convert(String bytes) {
            Matcher matcher = BYTES.matcher(bytes.toLowerCase(Locale.ROOT));
            if (matcher.matches()) {
                int unit = 10 * (1 + "kmgt".indexOf(matcher.group(2).isEmpty() ? "-" : matcher.group(2)));
                long number = Long.parseLong(matcher.group(1));
                if (number <= Long.MAX_VALUE >> unit) {
                    return number << unit;
                }
            }
            throw new TypeConversionException("'" + bytes + "' is not a number of bytes such as 500m or 4g");
        }
    }

    /** Reads a positive number of tokens. */
    static final class TokensConverter implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String number) {
            if (number.matches("[1-9]\\d{0,8}")) {
                return Integer.valueOf(number);
            }
            throw new TypeConversionException("'" + number + "' is not a number of tokens from 1 to 999999999");
        }
    }

    /** Reads a positive number. */
    static final class ThreadsConverter implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String number) {
            if (number.matches("[1-9]\\d{0,2}")) {
                return Integer.valueOf(number);
            }
            throw new TypeConversionException("'" + number + "' is not a number from 1 to 999");
        }
    }
}
