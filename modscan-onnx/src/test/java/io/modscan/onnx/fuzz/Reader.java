package io.modscan.onnx.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.onnx.foreign.GraphTensor;
import io.modscan.onnx.foreign.HandGraphs;
import io.modscan.onnx.foreign.OnnxModel;
import io.modscan.onnx.internal.checkpoint.ModelFolder;
import io.modscan.onnx.internal.checkpoint.StoredFloats;
import io.modscan.onnx.internal.checkpoint.WeightFiles;
import io.modscan.onnx.internal.tokenizer.HubTokenizer;
import io.modscan.onnx.opt.OptModel;
import io.modscan.onnx.opt.TinyOpt;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/** What reads files that a stranger may have made, and files that it takes. */
enum Reader {
    SAFETENSORS(1) {
        @Override
        List<Map<String, byte[]>> valid(Path folder) {
            return List.of(Map.of("model.safetensors", checkpoint(folder).get("model.safetensors")));
        }

        @Override
        void read(Path folder, boolean deeply) {
            SafetensorsFile file = SafetensorsFile.open(folder.resolve("model.safetensors"));
            file.tensors().keySet().forEach(name -> file.map(name).hasRemaining());
        }
    },

    TORCH(2) {
        @Override
        List<Map<String, byte[]>> valid(Path folder) {
            return inFolder(Reader.class, "../internal/checkpoint/torch").values().stream()
                    .map(bytes -> Map.of("config.json", utf8("{}"), "pytorch_model.bin", bytes))
                    .toList();
        }

        @Override
        void read(Path folder, boolean deeply) {
            for (StoredTensor tensor :
                    WeightFiles.read(ModelFolder.open(folder)).tensors().values()) {
                if (FLOATS.contains(tensor.dtype())) {
                    StoredFloats.read(tensor, i -> i);
                }
            }
        }
    },

    CHECKPOINT(2) {
        @Override
        List<Map<String, byte[]>> valid(Path folder) {
            Map<String, byte[]> withTokenizer = new LinkedHashMap<>(checkpoint(folder));
            withTokenizer.putAll(inFolder(Reader.class, "../internal/tokenizer/tokenizers/opt"));
            return List.of(
                    withTokenizer,
                    inFolder(Reader.class, "../opt/references/plain_norm_bare_bin"),
                    inFolder(Reader.class, "../opt/references/galactica_sharded_bin"),
                    inFolder(Reader.class, "../opt/references/post_norm_sharded"));
        }

        @Override
        void read(Path folder, boolean deeply) {
            use(OptModel.open(folder), "*", deeply);
        }
    },

    EXPORTED(1) {
        @Override
        List<Map<String, byte[]>> valid(Path folder) {
            new TinyOpt().load(folder.resolve("opt")).export().selfContained().to(folder.resolve("model.onnx"));
            return List.of(filesOf(folder));
        }

        @Override
        void read(Path folder, boolean deeply) {
            Path file = folder.resolve("model.onnx");
            if (OptModel.isExport(file)) {
                use(OptModel.open(file), "*", deeply);
            }
        }
    },

    ONNX(4) {
        @Override
        List<Map<String, byte[]>> valid(Path folder) {
            List<Map<String, byte[]>> all = new ArrayList<>();
            HandGraphs.all().values().forEach(graph -> all.add(Map.of("model.onnx", graph)));
            EXPORTED.valid(folder).forEach(all::add);
            return all;
        }

        @Override
        void read(Path folder, boolean deeply) {
            OnnxModel model = OnnxModel.open(folder.resolve("model.onnx"));
            if (model.tensors().stream().map(GraphTensor::refusal).anyMatch(refusal -> refusal.isEmpty())) {
                use(model, "*", deeply);
            }
        }
    },

    TOKENIZER(2) {
        @Override
        List<Map<String, byte[]>> valid(Path folder) {
            List<Map<String, byte[]>> all = new ArrayList<>();
            for (String name : List.of("llama", "albert", "deberta", "t5", "bert_cased", "xlm_roberta", "roberta")) {
                all.add(inFolder(Reader.class, "../foreign/tokenizers/" + name));
            }
            all.add(inFolder(Reader.class, "../internal/tokenizer/tokenizers/opt"));
            all.add(inFolder(Reader.class, "../internal/tokenizer/tokenizers/galactica"));
            all.add(Map.of(
                    "vocab.json",
                            utf8(
                                    "{\"<s>\": 0, \"<pad>\": 1, \"</s>\": 2, \"<unk>\": 3, \"a\": 4, \"b\": 5, \"ab\": 6}"),
                    "merges.txt", utf8("#version: 0.2\na b\n"),
                    "tokenizer_config.json", utf8("{\"add_bos_token\": true, \"tokenizer_class\": \"GPT2Tokenizer\"}"),
                    "special_tokens_map.json",
                            utf8("{\"bos_token\": \"</s>\", \"unk_token\": {\"content\": \"<unk>\"}}")));
            return all;
        }

        @Override
        void read(Path folder, boolean deeply) {
            HubTokenizer tokenizer = HubTokenizer.open(folder);
            for (String text : List.of("", "A test, of 12 words: naïve\u0301 \ud83d\ude00", "ab ".repeat(100))) {
                tokenizer.decode(tokenizer.encode(text));
            }
        }
    },

    RECORDING(2) {
        @Override
        List<Map<String, byte[]>> valid(Path folder) {
            OptModel model = new TinyOpt().load(folder.resolve("opt"));
            List<Map<String, byte[]>> all = new ArrayList<>();
            for (long size : List.of(1L << 30, 1L)) {
                Path out = folder.resolve("of" + size);
                try (Probe probe = Probe.builder(model)
                        .sites("hook_z", "hook_pattern")
                        .sites(Pooling.mean(), Sites.mlpPost())
                        .fileSize(size)
                        .build()) {
                    Files.createDirectories(out);
                    probe.capture(
                            Prompts.of(List.of(
                                    Prompt.ofTokens("a", 2, 5, 7).withLabel("topic", "law"),
                                    Prompt.ofTokens("b", 2, 9).withLabel("topic", "art"))),
                            out.resolve("acts.safetensors"));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
                all.add(filesOf(out));
            }
            return all;
        }

        @Override
        void read(Path folder, boolean deeply) {
            Recording recording = Recording.open(folder.resolve("acts.safetensors"));
            Activations activations = recording.activations();
            recording.sites().forEach(site -> {
                if (activations.prompts().size() > 0) {
                    activations.at(site.name()).row(0).hasRemaining();
                }
            });
            use(recording, "*hook_z", deeply);
        }
    },

    PROMPTS(2) {
        @Override
        List<Map<String, byte[]>> valid(Path folder) {
            String csv = "id,topic,text\na,law,\"one, \"\"two\"\"\nthree\"\nb,art,x\n,,\nc, \"art\" ,é\ud83d\ude00\n";
            return List.of(
                    Map.of("prompts.csv", utf8(csv)),
                    Map.of("prompts.csv", utf8(csv.replace(',', ';'))),
                    Map.of("prompts.csv", csv.getBytes(StandardCharsets.UTF_16)),
                    Map.of("prompts.txt", utf8("one\n\ntwo\r\nthree")),
                    Map.of(
                            "prompts.jsonl",
                            utf8(
                                    "{\"id\": \"a\", \"topic\": \"law\", \"text\": \"one\"}\n\n{\"text\": \"two\", \"topic\": null}\n")),
                    Map.of(
                            "prompts.jsonl",
                            utf8(
                                    "{\"id\": \"a\", \"inputs\": {\"x\": \"x.npy\", \"y\": {\"file\": \"y.png\", \"layout\": \"chw\"},"
                                            + " \"z\": {\"file\": \"z.safetensors\", \"tensor\": \"model.decoder.final_layer_norm.bias\"}}}\n"),
                            "x.npy",
                            npy(),
                            "y.png",
                            png(),
                            "z.safetensors",
                            Objects.requireNonNull(checkpoint(folder).get("model.safetensors"))),
                    Map.of(
                            "prompts.jsonl",
                            utf8("{\"id\": \"a\", \"topic\": \"law\", \"ids\": [2, 5, 31414]}\n{\"ids\": [2]}\n")));
        }

        @Override
        void read(Path folder, boolean deeply) {
            for (Path file : files(folder)) {
                if (!file.getFileName().toString().startsWith("prompts.")) {
                    continue;
                }
                List<Prompt> all = new ArrayList<>();
                Prompts.onDisk(file).forEach(all::add);
                assertThat(all).isEqualTo(Prompts.read(file).stream().toList());
                all.forEach(prompt -> prompt.tensors()
                        .ifPresent(tensors -> assertThat(tensors).isNotEmpty()));
            }
        }
    };

    private static final Set<DType> FLOATS = Set.of(DType.F64, DType.F32, DType.F16, DType.BF16);

    private final int share;

    Reader(int share) {
        this.share = share;
    }

    /** How many of the cases are its own, in parts of the sum of all readers' shares. */
    int share() {
        return share;
    }

    /** Files that it takes, by their names; several such sets. Whatever is needed to make them goes into the folder. */
    abstract List<Map<String, byte[]>> valid(Path folder);

    /**
     * Reads the files of a folder, whatever can be asked of them.
     *
     * @param deeply whether to compute with what was read too, which takes longer
     */
    abstract void read(Path folder, boolean deeply);

    /** Files that once brought something to light. */
    List<Map<String, byte[]>> regressions() {
        URL url = Reader.class.getResource(name().toLowerCase(Locale.ROOT));
        if (url == null) {
            return List.of();
        }
        try (Stream<Path> folders = Files.list(Path.of(url.toURI()))) {
            return folders.sorted().map(Reader::filesOf).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void use(Model model, String sites, boolean deeply) {
        assertThat(model.sites()).doesNotHaveDuplicates();
        assertThat(model.provenance()).doesNotContainValue(null);
        if (!deeply) {
            return;
        }
        try (Probe probe = Probe.builder(model).sites(sites).cutOverlong().build()) {
            for (Prompt prompt : List.of(Prompt.ofTokens("a", 2, 5, 7), Prompt.of("t", "law and"))) {
                probe.forEach(
                        List.of(prompt),
                        activations -> activations.sites().forEach(site -> {
                            FloatBuffer row = site.row(0);
                            for (int i = 0; i < row.remaining(); i++) {
                                row.get(i);
                            }
                        }));
            }
        }
    }

    private static Map<String, byte[]> checkpoint(Path folder) {
        Path opt = folder.resolve("opt");
        new TinyOpt().load(opt);
        return filesOf(opt);
    }

    /** Six numbers as NumPy writes them. */
    private static byte[] npy() {
        byte[] header =
                utf8("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }".concat(" ".repeat(58)) + "\n");
        ByteBuffer file = ByteBuffer.allocate(10 + header.length + 24).order(ByteOrder.LITTLE_ENDIAN);
        file.put((byte) 0x93).put(utf8("NUMPY")).put((byte) 1).put((byte) 0).putShort((short) header.length);
        return file.put(header).putFloat(1).putFloat(2).array();
    }

    private static byte[] png() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            ImageIO.write(new BufferedImage(4, 3, BufferedImage.TYPE_INT_RGB), "png", out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static Map<String, byte[]> inFolder(Class<?> owner, String name) {
        try {
            URL url = Objects.requireNonNull(owner.getResource(name), name);
            Map<String, byte[]> files = filesOf(Path.of(url.toURI()));
            files.keySet().removeIf(file -> file.startsWith("golden") || file.startsWith("reference"));
            return files;
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Map<String, byte[]> filesOf(Path folder) {
        Map<String, byte[]> files = new TreeMap<>();
        for (Path file : files(folder)) {
            try (InputStream in = Files.newInputStream(file)) {
                files.put(file.getFileName().toString(), in.readAllBytes());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return files;
    }

    private static List<Path> files(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(Files::isRegularFile).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
