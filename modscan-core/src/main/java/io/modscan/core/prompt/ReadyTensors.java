package io.modscan.core.prompt;

import io.modscan.core.error.ModscanException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The ready tensors of one prompt, held or to be got, and their digest, which is worked out once. */
final class ReadyTensors {

    private final Supplier<Map<String, InputTensor>> supplier;
    private final long heldBytes;
    private volatile @Nullable String sha256;

    private ReadyTensors(Supplier<Map<String, InputTensor>> supplier, long heldBytes, @Nullable String sha256) {
        this.supplier = supplier;
        this.heldBytes = heldBytes;
        this.sha256 = sha256;
    }

    /** Holds a copy of the map. */
    static ReadyTensors of(Map<String, InputTensor> tensors) {
        if (tensors.isEmpty()) {
            throw new IllegalArgumentException("there is no tensor; at least one is needed");
        }
        Map<String, InputTensor> copy = copy(tensors);
        long bytes = copy.values().stream()
                .mapToLong(tensor -> tensor.data().capacity())
                .sum();
        return new ReadyTensors(() -> copy, bytes, null);
    }

    /** Holds nothing. */
    static ReadyTensors of(Supplier<Map<String, InputTensor>> supplier, @Nullable String sha256) {
        return new ReadyTensors(supplier, 0, sha256);
    }

    private static Map<String, InputTensor> copy(Map<String, InputTensor> tensors) {
        return Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    }

    Map<String, InputTensor> get() {
        if (heldBytes > 0) {
            return supplier.get();
        }
        Map<String, InputTensor> tensors = copy(supplier.get());
        if (tensors.isEmpty()) {
            throw new ModscanException("what gives a prompt's ready tensors gave none; at least one is needed");
        }
        // Now, lest they be got once more for it; and each time, since what is run has to be what the digest tells of.
        String found = digest(tensors);
        String known = sha256;
        if (known != null && !known.equals(found)) {
            throw new ModscanException(
                    "a prompt's ready tensors, " + tensors + ", are others than before: their digest is " + found
                            + ", and was " + known + "; what gives them has to give the same each time");
        }
        sha256 = found;
        return tensors;
    }

    long heldBytes() {
        return heldBytes;
    }

    String sha256() {
        String known = sha256;
        if (known == null) {
            known = digest(get());
            sha256 = known;
        }
        return known;
    }

    /** In order of names, each part behind its length, so that no two maps give the same bytes. */
    private static String digest(Map<String, InputTensor> tensors) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
        new TreeMap<>(tensors).forEach((name, tensor) -> {
            byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
            digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, utf8.length));
            digest.update(utf8);
            // Such as "float32 [3, 224, 224]", which tells how many bytes follow.
            digest.update((tensor + "\n").getBytes(StandardCharsets.US_ASCII));
            digest.update(tensor.data());
        });
        return HexFormat.of().formatHex(digest.digest());
    }

    @Override
    public String toString() {
        return heldBytes > 0 ? supplier.get().toString() : "ready tensors";
    }
}
