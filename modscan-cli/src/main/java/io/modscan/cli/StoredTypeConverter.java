package io.modscan.cli;

import io.modscan.core.safetensors.DType;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads what values are stored as. */
final class StoredTypeConverter implements ITypeConverter<DType> {

    @Override
    public DType convert(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "f32", "float32" -> DType.F32;
            case "f16", "float16" -> DType.F16;
            case "bf16", "bfloat16" -> DType.BF16;
            default -> throw new TypeConversionException("'" + text + "' is none of f32, f16 and bf16");
        };
    }
}
