package io.modscan.onnx.internal.graph;

import java.util.List;
import java.util.Optional;

/**
 * A tensor's type and axes.
 *
 * @param type of its elements
 * @param axes each a number, a symbol or {@code ?}; empty if their number is not known
 */
public record Inferred(String type, Optional<List<String>> axes) {}
