package io.modscan.core.prompt;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.regex.Pattern;

/**
 * Tells whether an id was seen before, by 64 bits of its hash and so with a small chance of error: n² / 2⁶⁵ for n ids.
 * Leading ids that are running numbers from 0 take no memory; others take 11 to 21 bytes each. Not safe for use by several
 * threads.
 */
public final class IdSet {

    /** Many small tables in place of a large one: no array's length bounds the set, and none is copied as a whole. */
    private static final int TABLES = 256;

    /** The one way in which a running number is written; no number of prompts has more digits. */
    private static final Pattern NUMBER = Pattern.compile("0|[1-9][0-9]{0,17}");

    private final MessageDigest sha256;
    private final long[][] tables = new long[TABLES][16];
    private final int[] sizes = new int[TABLES];
    private long running;
    private boolean othersToo;

    /** An empty set. */
    public IdSet() {
        try {
            sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /**
     * Adds an id.
     *
     * @param id the id
     * @return whether it is new
     */
    public boolean add(String id) {
        if (!othersToo && id.equals(Long.toString(running))) {
            running++;
            return true;
        }
        if (isRunningNumber(id)) {
            return false;
        }
        othersToo = true;
        return addHash(hash(id));
    }

    private boolean isRunningNumber(String id) {
        return running > 0 && NUMBER.matcher(id).matches() && Long.parseLong(id) < running;
    }

    /** Of the characters, not of UTF-8, for which all lone surrogates are alike. */
    private long hash(String id) {
        ByteBuffer characters = ByteBuffer.allocate(Math.multiplyExact(id.length(), Character.BYTES));
        characters.asCharBuffer().put(id);
        return ByteBuffer.wrap(sha256.digest(characters.array())).getLong();
    }

    private boolean addHash(long hash) {
        // An empty slot is 0.
        long entry = hash == 0 ? 1 : hash;
        int which = (int) (entry & (TABLES - 1));
        if (!put(tables[which], entry)) {
            return false;
        }
        sizes[which]++;
        if (sizes[which] > tables[which].length / 4 * 3) {
            long[] larger = new long[2 * tables[which].length];
            Arrays.stream(tables[which]).filter(old -> old != 0).forEach(old -> put(larger, old));
            tables[which] = larger;
        }
        return true;
    }

    private static boolean put(long[] table, long entry) {
        // The low bits chose the table, so they are the same for all of its entries.
        int slot = (int) (entry >>> 33) & (table.length - 1);
        while (table[slot] != 0) {
            if (table[slot] == entry) {
                return false;
            }
            slot = (slot + 1) & (table.length - 1);
        }
        table[slot] = entry;
        return true;
    }
}
