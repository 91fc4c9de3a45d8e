package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Exports are told from other files by what these say of themselves. */
class IsExportTest {

    private static final StringStringEntryProto CONFIG = StringStringEntryProto.newBuilder()
            .setKey("model.config")
            .setValue("{}")
            .build();

    private static final ModelProto.Builder OURS =
            ModelProto.newBuilder().setProducerName("modscan").addMetadataProps(CONFIG);

    @TempDir
    private Path folder;

    private boolean isExport(ModelProto.Builder model) throws IOException {
        return isExport(model.build().toByteArray());
    }

    private boolean isExport(byte... bytes) throws IOException {
        return OptModel.isExport(Files.write(folder.resolve("model.onnx"), bytes));
    }

    @Test
    void whatWasExportedIsAnExport() {
        OptModel model = new TinyOpt().load(folder.resolve("tiny"));
        assertThat(OptModel.isExport(
                        model.export().to(folder.resolve("tiny/tiny.onnx")).model()))
                .isTrue();
        assertThat(OptModel.isExport(model.export()
                        .selfContained()
                        .to(folder.resolve("moved.onnx"))
                        .model()))
                .isTrue();
    }

    @Test
    void anEditedExportIsOneTooWhateverWroteItAgain() throws IOException {
        assertThat(isExport(OURS.clone().setGraph(GraphProto.newBuilder().setName("edited"))))
                .isTrue();
        // Fields may come in any order, and unknown ones between them.
        byte[] metadata = ModelProto.newBuilder()
                .addMetadataProps(StringStringEntryProto.newBuilder().setKey("x".repeat(70_000)))
                .addMetadataProps(CONFIG)
                .build()
                .toByteArray();
        byte[] producer = ModelProto.newBuilder()
                .setIrVersion(8)
                .setProducerName("modscan")
                .build()
                .toByteArray();
        byte[] unknown = {(byte) 0xf8, 0x07, 5};
        assertThat(isExport(ByteString.copyFrom(metadata)
                        .concat(ByteString.copyFrom(unknown))
                        .concat(ByteString.copyFrom(producer))
                        .toByteArray()))
                .isTrue();
    }

    @Test
    void othersModelsAreNone() throws IOException {
        assertThat(isExport(OURS.clone().setProducerName("pytorch"))).isFalse();
        assertThat(isExport(OURS.clone().setProducerName("modscam"))).isFalse();
        assertThat(isExport(OURS.clone().clearProducerName())).isFalse();
        assertThat(isExport(OURS.clone().clearMetadataProps())).isFalse();
        assertThat(isExport(OURS.clone()
                        .clearMetadataProps()
                        .addMetadataProps(
                                StringStringEntryProto.newBuilder().setKey("x").setValue("model.config"))))
                .isFalse();
    }

    @Test
    void whatIsNoModelIsNone() throws IOException {
        assertThat(isExport()).isFalse();
        assertThat(isExport("not a model\n".getBytes(StandardCharsets.UTF_8))).isFalse();
        assertThat(isExport((byte) 0)).isFalse();
        // groups in groups, which a reader that calls itself would be lost in
        byte[] groups = new byte[1 << 20];
        Arrays.fill(groups, (byte) 0x0b);
        assertThat(isExport(groups)).isFalse();
        // lengths below 0 and beyond the file
        assertThat(isExport((byte) 0x12, (byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0x0f))
                .isFalse();
        assertThat(isExport((byte) 0x72, (byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0x07))
                .isFalse();
        assertThat(OptModel.isExport(folder)).isFalse();
        assertThat(OptModel.isExport(folder.resolve("nowhere.onnx"))).isFalse();
    }

    @Test
    void noTruncationThrows() throws IOException {
        byte[] whole = OURS.clone()
                .setGraph(GraphProto.newBuilder().setName("graph"))
                .build()
                .toByteArray();
        for (int length = 0; length < whole.length; length++) {
            // Behind its last key there is nothing more to tell it by.
            assertThat(isExport(Arrays.copyOf(whole, length)))
                    .as("of %s bytes", length)
                    .isFalse();
        }
        assertThat(isExport(whole)).isTrue();
    }

    /** A graph of a gigabyte, of which the file system holds nothing, before what tells. */
    @Test
    void aLargeGraphIsPassedOver() throws IOException {
        Path file = folder.resolve("large.onnx");
        int graph = 1 << 30;
        try (OutputStream out = Files.newOutputStream(file)) {
            CodedOutputStream fields = CodedOutputStream.newInstance(out);
            fields.writeTag(ModelProto.GRAPH_FIELD_NUMBER, 2);
            fields.writeUInt32NoTag(graph);
            fields.flush();
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(OURS.build().toByteArray()), Files.size(file) + graph);
        }
        assertThat(OptModel.isExport(file)).isTrue();
    }
}
