package io.modscan.onnx.internal.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.tuple;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.InvalidProtocolBufferException;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.onnx.internal.graph.GraphBuilder.Output;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class GraphBuilderTest {

    private static final Path FOLDER = Path.of("/models/tiny");

    private final GraphBuilder graph = new GraphBuilder("test");

    @BeforeEach
    void aGraphWithOneInput() {
        graph.input("ids", DType.I64, "batch", "sequence");
    }

    private static StoredTensor stored(String name, String file) {
        return new StoredTensor(name, DType.F16, List.of(2L, 3L), FOLDER.resolve(file), 1234, 12);
    }

    private GraphProto build(Output... outputs) {
        return model(outputs).getGraph();
    }

    private ModelProto model(Output... outputs) {
        try {
            return ModelProto.parseFrom(
                    graph.build(List.of(outputs), WeightLocation.inPlace(FOLDER), Map.of("key", "value"), "1.2.3"));
        } catch (InvalidProtocolBufferException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void twoNodesOfOneNameAreRejected() {
        graph.op("Identity", "copy", List.of("ids"));
        assertThatIllegalStateException()
                .isThrownBy(() -> graph.op("Relu", "copy", List.of("ids")))
                .withMessageContaining("two tensors would be named copy");
    }

    @Test
    void aNodeNamedLikeAnInputIsRejected() {
        assertThatIllegalStateException()
                .isThrownBy(() -> graph.op("Identity", "ids", List.of("ids")))
                .withMessageContaining("ids");
    }

    @Test
    void aNodeNamedLikeAConstantIsRejected() {
        graph.scalar("one", 1);
        assertThatIllegalStateException()
                .isThrownBy(() -> graph.op("Identity", "one", List.of("ids")))
                .withMessageContaining("one");
    }

    @Test
    void aWeightNamedLikeANodeIsRejected() {
        graph.op("Identity", "copy", List.of("ids"));
        assertThatIllegalStateException()
                .isThrownBy(() -> graph.weight(stored("copy", "model.safetensors")))
                .withMessageContaining("copy");
    }

    @Test
    void twoInputsOfOneNameAreRejected() {
        assertThatIllegalStateException()
                .isThrownBy(() -> graph.input("ids", DType.I64, "batch"))
                .withMessageContaining("ids");
    }

    @Test
    void oneConstantOfTwoValuesIsRejected() {
        graph.longs("axes", 1);
        assertThatIllegalStateException()
                .isThrownBy(() -> graph.longs("axes", 2))
                .withMessageContaining("axes");
    }

    @Test
    void theSameConstantAndTheSameWeightMayComeAgain() {
        graph.longs("axes", 1);
        graph.longs("axes", 1);
        graph.weight(stored("w", "model.safetensors"));
        graph.weight(stored("w", "model.safetensors"));
        graph.op("Gather", "picked", List.of("w", "ids"));
        graph.op("Unsqueeze", "column", List.of("picked", "axes"));
        assertThat(build(new Output("column", List.of())).getInitializerList())
                .extracting(TensorProto::getName)
                .containsExactly("w", "axes");
    }

    @Test
    void anOperatorOutsideTheTableIsRejected() {
        assertThatIllegalStateException()
                .isThrownBy(() -> graph.op("Einsum", "sum", List.of("ids")))
                .withMessageContainingAll("Einsum", "opset 17");
    }

    @Test
    void readingWhatNothingYieldsIsRejected() {
        assertThatIllegalStateException()
                .isThrownBy(() -> graph.op("Add", "sum", List.of("ids", "later")))
                .withMessageContainingAll("sum", "later");
    }

    @Test
    void aTypeWithoutOnnxNumberIsRejected() {
        assertThatIllegalStateException()
                .isThrownBy(() -> graph.input("words", DType.U8, "batch"))
                .withMessageContaining("U8");
    }

    @Test
    void onlyWhatTheOutputsNeedIsBuilt() {
        graph.weight(stored("used", "model.safetensors"));
        graph.weight(stored("unused", "model.safetensors"));
        graph.op("Gather", "wanted", List.of("used", "ids"));
        graph.op("Gather", "other", List.of("unused", "ids"));
        graph.op("Identity", "behind", List.of("wanted"));
        GraphProto built = build(new Output("wanted", List.of("batch", "sequence", "3")));
        assertThat(built.getNodeList()).extracting(NodeProto::getName).containsExactly("wanted");
        assertThat(built.getInitializerList()).extracting(TensorProto::getName).containsExactly("used");
        assertThat(graph.weightsFor(List.of(new Output("wanted", List.of()))))
                .extracting(StoredTensor::name)
                .containsExactly("used");
    }

    @Test
    void weightsAreExternalDataAtTheirOffsetInTheirFile() {
        graph.weight(stored("w", "weights/model.safetensors"));
        graph.op("Gather", "picked", List.of("w", "ids"));
        TensorProto weight = build(new Output("picked", List.of())).getInitializer(0);
        assertThat(weight.getDataLocation()).isEqualTo(TensorProto.DataLocation.EXTERNAL);
        assertThat(weight.getDataType()).isEqualTo(TensorProto.DataType.FLOAT16.getNumber());
        assertThat(weight.getDimsList()).containsExactly(2L, 3L);
        assertThat(weight.getExternalDataList())
                .extracting(StringStringEntryProto::getKey, StringStringEntryProto::getValue)
                .containsExactly(
                        tuple("location", "weights/model.safetensors"), tuple("offset", "1234"), tuple("length", "12"));
    }

    @Test
    void theModelSaysVersionsProducerAndMetadata() {
        graph.op("Identity", "copy", List.of("ids"));
        ModelProto model = model(new Output("copy", List.of("batch", "sequence")));
        assertThat(model.getIrVersion()).isEqualTo(8);
        assertThat(model.getOpsetImportList()).hasSize(1);
        assertThat(model.getOpsetImport(0).getDomain()).isEmpty();
        assertThat(model.getOpsetImport(0).getVersion()).isEqualTo(17);
        assertThat(model.getProducerName()).isEqualTo("modscan");
        assertThat(model.getProducerVersion()).isEqualTo("1.2.3");
        assertThat(model.getMetadataPropsList())
                .extracting(StringStringEntryProto::getKey, StringStringEntryProto::getValue)
                .containsExactly(
                        tuple("key", "value"), tuple("modscan.graph", GraphBuilder.checksum(model.getGraph())));
        assertThat(model.getGraph().getName()).isEqualTo("test");
    }
}
