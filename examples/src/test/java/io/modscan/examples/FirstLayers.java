package io.modscan.examples;

import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.SafetensorsWriter;
import io.modscan.demo.DemoModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The demo model cut off after some layers: as good for a test that all works, and modules are found among fewer units. */
final class FirstLayers {

    private static final Pattern LAYER = Pattern.compile("\\blayers\\.(\\d+)\\.");
    private static final Pattern COUNT = Pattern.compile("(\"num_hidden_layers\":\\s*)\\d+");

    private FirstLayers() {}

    /** Writes a checkpoint of the demo model's first layers, with its tokenizer. */
    static Path write(int layers, Path folder) throws IOException {
        try (Stream<Path> files = Files.list(DemoModel.folder())) {
            for (Path file : files.toList()) {
                Path copy = folder.resolve(file.getFileName().toString());
                switch (file.getFileName().toString()) {
                    case "config.json" ->
                        Files.writeString(
                                copy, COUNT.matcher(Files.readString(file)).replaceFirst("$1" + layers));
                    case "model.safetensors" -> cut(SafetensorsFile.open(file), layers, copy);
                    default -> Files.copy(file, copy);
                }
            }
        }
        return folder;
    }

    private static void cut(SafetensorsFile file, int layers, Path to) {
        SafetensorsWriter writer = new SafetensorsWriter();
        file.metadata().forEach(writer::metadata);
        file.tensors().forEach((name, tensor) -> {
            Matcher layer = LAYER.matcher(name);
            if (!layer.find() || Integer.parseInt(layer.group(1)) < layers) {
                writer.add(name, tensor.dtype(), tensor.shape(), channel -> channel.write(file.map(name)));
            }
        });
        writer.write(to);
    }
}
