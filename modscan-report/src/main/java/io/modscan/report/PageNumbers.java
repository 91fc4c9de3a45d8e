package io.modscan.report;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;

/** The numbers of a page: typed arrays, one behind the other, in one compressed block. */
final class PageNumbers {

    private final Map<String, List<Object>> index = new LinkedHashMap<>();
    private final ByteArrayOutputStream block = new ByteArrayOutputStream();

    void bytes(String name, byte[] values) {
        add(name, values.length, "i8", values);
    }

    /** Each byte is a number from 0 to 255. */
    void unsignedBytes(String name, byte[] values) {
        add(name, values.length, "u8", values);
    }

    void shorts(String name, short[] values) {
        add(name, values.length, "i16", raw(values));
    }

    /** Each short is a number from 0 to 65,535. */
    void unsignedShorts(String name, short[] values) {
        add(name, values.length, "u16", raw(values));
    }

    private static byte[] raw(short[] values) {
        byte[] raw = new byte[Math.multiplyExact(values.length, Short.BYTES)];
        little(raw).asShortBuffer().put(values);
        return raw;
    }

    void ints(String name, int[] values) {
        byte[] raw = new byte[Math.multiplyExact(values.length, Integer.BYTES)];
        little(raw).asIntBuffer().put(values);
        add(name, values.length, "i32", raw);
    }

    void floats(String name, float[] values) {
        byte[] raw = new byte[Math.multiplyExact(values.length, Float.BYTES)];
        little(raw).asFloatBuffer().put(values);
        add(name, values.length, "f32", raw);
    }

    private static ByteBuffer little(byte[] raw) {
        return ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void add(String name, int length, String kind, byte[] raw) {
        // A typed array begins at a multiple of its elements' size.
        while (block.size() % Double.BYTES != 0) {
            block.write(0);
        }
        index.put(name, List.of(block.size(), length, kind));
        block.writeBytes(raw);
    }

    /** Each array's offset in bytes, length in elements and kind. */
    Map<String, List<Object>> index() {
        return index;
    }

    /** The block, by gzip and in Base64. */
    String packed() {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream zip = new GZIPOutputStream(packed)) {
            block.writeTo(zip);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return Base64.getEncoder().encodeToString(packed.toByteArray());
    }
}
