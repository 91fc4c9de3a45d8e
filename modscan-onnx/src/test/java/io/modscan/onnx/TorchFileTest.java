package io.modscan.onnx;

import io.modscan.core.safetensors.StoredTensor;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.io.TempDir;

/** Files that torch 2.13 wrote ({@code tools/torch_fixtures.py}), whole, damaged and packed anew. */
class TorchFileTest {

    @TempDir
    private Path folder;

    private static byte[] fixture(String name) throws IOException {
        try (InputStream in =
                Objects.requireNonNull(TorchFileTest.class.getResourceAsStream("torch/" + name + ".bin"), name)) {
            return in.readAllBytes();
        }
    }

    private Path file(byte[] bytes) throws IOException {
        return Files.write(folder.resolve("pytorch_model.bin"), bytes);
    }

    private Map<String, StoredTensor> read(byte[] bytes) throws IOException {
        return TorchFile.read(file(bytes));
    }

    /** The tensor's elements, as the file has them at its offset. */
    private static double[] values(StoredTensor tensor) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(
                        Files.readAllBytes(tensor.file()), (int) tensor.offset(), (int) tensor.length())
                .order(ByteOrder.LITTLE_ENDIAN);
        double[] values = new double[(int) tensor.length() / tensor.dtype().bytes()];
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (tensor.dtype()) {
                case F64 -> bytes.getDouble();
                case F32 -> bytes.getFloat();
                case F16 -> half(bytes.getShort());
                case BF16 -> Float.intBitsToFloat(bytes.getShort() << 16);
                case I64 -> bytes.getLong();
                case I32 -> bytes.getInt();
                case I16 -> bytes.getShort();
                case I8, U8, BOOL -> bytes.get();
            };
        }
        return values;
    }

    /** Zero and normal numbers, which is what the fixtures hold. */
    private static double half(short bits) {
        return bits == 0 ? 0 : Math.scalb(1 + (bits & 0x3ff) / 1024.0, (bits >> 10 & 0x1f) - 15);
    }

    /** Packs a torch file anew, stored, after its entries have been changed. */
    private static byte[] repack(byte[] file, int method, Consumer<Map<String, byte[]>> change) throws IOException {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        try (ZipInputStream in = new ZipInputStream(new java.io.ByteArrayInputStream(file))) {
            for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                entries.put(entry.getName(), in.readAllBytes());
            }
        }
        change.accept(entries);
        return pack(entries, method);
    }

    private static byte[] pack(Map<String, byte[]> entries, int method) throws IOException {
        java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
        try (ZipOutputStream out = new ZipOutputStream(bytes)) {
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                ZipEntry zipped = new ZipEntry(entry.getKey());
                CRC32 crc = new CRC32();
                crc.update(entry.getValue());
                zipped.setMethod(method);
                zipped.setCrc(crc.getValue());
                zipped.setSize(entry.getValue().length);
                out.putNextEntry(zipped);
                out.write(entry.getValue());
            }
        }
        return bytes.toByteArray();
    }
}
