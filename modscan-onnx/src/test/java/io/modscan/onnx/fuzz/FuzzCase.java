package io.modscan.onnx.fuzz;

import ai.onnx.proto.OnnxMl.ModelProto;
import com.google.protobuf.InvalidProtocolBufferException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/** The files of one case, which its number tells: a valid set of which one file, seldom two, has been changed. */
record FuzzCase(Map<String, byte[]> files, boolean deeply) {

    /** One case of so many computes with what was read. */
    private static final int DEEPLY = 8;

    static FuzzCase of(List<Map<String, byte[]>> valid, long number) {
        Random random = new Random(number * 0x9E3779B97F4A7C15L);
        Map<String, byte[]> files = new TreeMap<>(valid.get(random.nextInt(valid.size())));
        List<String> names = List.copyOf(files.keySet());
        for (int times = random.nextInt(10) == 0 ? 2 : 1; times > 0; times--) {
            String name = names.get(random.nextInt(names.size()));
            files.put(name, changed(name, files.get(name), random));
        }
        return new FuzzCase(files, random.nextInt(DEEPLY) == 0);
    }

    private static byte[] changed(String name, byte[] valid, Random random) {
        Mutation mutation = new Mutation(random);
        if (random.nextInt(3) == 0) {
            return mutation.bytes(valid);
        }
        if (name.endsWith(".json") || name.endsWith(".jsonl")) {
            return mutation.json(new String(valid, StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8);
        }
        if (name.endsWith(".safetensors")) {
            return header(valid, mutation);
        }
        if (name.endsWith(".onnx")) {
            return parsed(valid) ? new MutatedGraph(random).of(valid) : mutation.bytes(valid);
        }
        return name.endsWith(".bin") ? pickle(valid, mutation, random) : mutation.bytes(valid);
    }

    /** What was changed before may be none any more. */
    private static boolean parsed(byte[] bytes) {
        try {
            return ModelProto.parseFrom(bytes).isInitialized();
        } catch (InvalidProtocolBufferException e) {
            return false;
        }
    }

    /** Its header is JSON of a length that the file tells first. */
    private static byte[] header(byte[] valid, Mutation mutation) {
        long length = valid.length < 8
                ? -1
                : ByteBuffer.wrap(valid).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (length < 0 || length > valid.length - 8) {
            return mutation.bytes(valid);
        }
        byte[] header = mutation.json(new String(valid, 8, (int) length, StandardCharsets.UTF_8))
                .getBytes(StandardCharsets.UTF_8);
        ByteBuffer file =
                ByteBuffer.allocate(valid.length - (int) length + header.length).order(ByteOrder.LITTLE_ENDIAN);
        return file.putLong(header.length)
                .put(header)
                .put(valid, 8 + (int) length, valid.length - 8 - (int) length)
                .array();
    }

    /** A zip whose entries are stored; the pickle in it is changed, and the checksums are right. */
    private static byte[] pickle(byte[] valid, Mutation mutation, Random random) {
        List<ZipEntry> entries = new ArrayList<>();
        List<byte[]> contents = new ArrayList<>();
        try (ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(valid))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                entries.add(entry);
                contents.add(zip.readAllBytes());
            }
        } catch (IOException | IllegalArgumentException e) {
            return mutation.bytes(valid);
        }
        if (entries.isEmpty()) {
            return mutation.bytes(valid);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(out)) {
            for (int i = 0; i < entries.size(); i++) {
                byte[] content = contents.get(i);
                boolean change = entries.get(i).getName().endsWith(".pkl") || random.nextInt(20) == 0;
                byte[] bytes = change ? mutation.bytes(content) : content;
                ZipEntry entry = new ZipEntry(entries.get(i).getName());
                entry.setMethod(ZipEntry.STORED);
                entry.setSize(bytes.length);
                CRC32 crc = new CRC32();
                crc.update(bytes);
                entry.setCrc(crc.getValue());
                zip.putNextEntry(entry);
                zip.write(bytes);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }
}
