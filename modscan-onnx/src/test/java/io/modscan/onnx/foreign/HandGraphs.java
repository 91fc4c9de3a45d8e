package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import io.modscan.onnx.internal.graph.OnnxProtos;
import java.util.Map;
import java.util.TreeMap;

/** Small valid ONNX models, of many kinds of nodes, as bytes. */
public final class HandGraphs {

    private HandGraphs() {}

    /** By what they are. */
    public static Map<String, byte[]> all() {
        Map<String, HandGraph> all = new TreeMap<>();
        all.put("text", HandGraph.text(17, false));
        all.put(
                "shapes",
                HandGraph.text(17, false)
                        .list("two", 0, 0, 2, 2)
                        .list("flat", 0, -1)
                        .node("Shape", "hidden", "shape")
                        .node("Reshape", "hidden two", "heads")
                        .node("Reshape", "hidden flat", "flattened")
                        .node("ConstantOfShape", "shape", "zeros")
                        .node("Expand", "hidden shape", "expanded")
                        .node("Add", "expanded zeros", "sum")
                        .output("sum"));
        all.put(
                "layers",
                HandGraph.text(17, false)
                        .floats("weight", new float[16], 4, 4)
                        .floats("scale", new float[] {1, 1, 1, 1}, 4)
                        .node("MatMul", "hidden weight", "linear")
                        .node("LayerNormalization", "linear scale", "normalized", OnnxProtos.attribute("axis", -1))
                        .node("Relu", "normalized", "relu")
                        .node("Softmax", "relu", "softmax", OnnxProtos.attribute("axis", 2))
                        .node("Transpose", "softmax", "turned")
                        .output("turned"));
        all.put(
                "picture",
                HandGraph.opset(17)
                        .input("pixels", DataType.FLOAT, "batch", "1", "4", "4")
                        .floats("kernel", new float[4], 1, 1, 2, 2)
                        .node("Conv", "pixels kernel", "conv")
                        .node("ConvTranspose", "conv kernel", "up")
                        .node("GlobalAveragePool", "up", "pooled")
                        .node("Flatten", "pooled", "features")
                        .output("features"));
        all.put(
                "integers",
                HandGraph.opset(17)
                        .input("x", DataType.INT64, "batch", "3")
                        .list("seven", 7)
                        .list("three", 3)
                        .node("Div", "seven three", "two")
                        .node("Mul", "x two", "y")
                        .node("Cast", "y", "z", OnnxProtos.attribute("to", 1))
                        .output("z"));
        Map<String, byte[]> bytes = new TreeMap<>();
        all.forEach((name, graph) -> bytes.put(name, graph.model().build().toByteArray()));
        return bytes;
    }
}
