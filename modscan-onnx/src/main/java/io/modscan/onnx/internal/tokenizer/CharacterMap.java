package io.modscan.onnx.internal.tokenizer;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.BitSet;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Checks the {@code precompiled_charsmap} of a Precompiled normalizer, which maps characters to texts: the size of a trie
 * in bytes, the trie, and the texts, each ended by a zero byte. The tokenizers library trusts it, and panics where a step
 * of the trie leads out of it or where a text begins outside of the texts or within a character; so every step that there
 * is gets taken here first.
 *
 * <p>The trie is a double array. From a state {@code s}, byte {@code c} leads to the unit at {@code s ^ c}, if that unit's
 * label is {@code c}; the next state is its place ^ its offset, where the unit of a text stands if one ends there.
 */
public final class CharacterMap {

    /** The longest text that a character is mapped to; NFKC's longest has 18. */
    private static final int MAX_GROWTH = 64;

    private final IntBuffer units;
    private final byte[] texts;
    private final Deque<Integer> open = new ArrayDeque<>();
    private final BitSet seen = new BitSet();
    private int growth = 1;

    private CharacterMap(IntBuffer units, byte[] texts) {
        this.units = units;
        this.texts = texts;
    }

    /** What came of a check: the problem if there is one, else how long the text of one character can get. */
    record Finding(@Nullable String problem, int growth) {}

    static Finding check(String base64) {
        byte[] bytes;
        try {
            bytes = Base64.getDecoder().decode(base64);
        } catch (IllegalArgumentException e) {
            return new Finding("is not in base64: " + e.getMessage(), 1);
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        long size = bytes.length < 4 ? 0 : Integer.toUnsignedLong(buffer.getInt());
        if (size == 0 || size % 4 != 0 || size > buffer.remaining()) {
            return new Finding(
                    "has " + bytes.length + " bytes and claims a trie of " + size + "; it must be whole units that fit",
                    1);
        }
        IntBuffer units =
                buffer.slice(4, (int) size).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
        byte[] texts = new byte[buffer.remaining() - (int) size];
        buffer.get(4 + (int) size, texts);
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(texts));
        } catch (CharacterCodingException e) {
            return new Finding("has texts that are not UTF-8", 1);
        }
        CharacterMap map = new CharacterMap(units, texts);
        return new Finding(map.walk(), map.growth);
    }

    private @Nullable String walk() {
        visit(offset(units.get(0)));
        while (!open.isEmpty()) {
            int state = open.remove();
            for (int c = 1; c < 256; c++) {
                int place = state ^ c;
                if (place >= units.limit()) {
                    return "has a trie with a step to unit " + place + "; it has " + units.limit();
                }
                int unit = units.get(place);
                if ((unit & 0x8000_00ff) == c) {
                    int next = place ^ offset(unit);
                    String problem = (unit & 0x100) == 0 ? null : text(next);
                    if (problem != null) {
                        return problem;
                    }
                    visit(next);
                }
            }
        }
        return null;
    }

    private void visit(int state) {
        if (!seen.get(state)) {
            seen.set(state);
            open.add(state);
        }
    }

    private static int offset(int unit) {
        return (unit >>> 10) << ((unit & 0x200) >>> 6);
    }

    private @Nullable String text(int place) {
        if (place >= units.limit()) {
            return "has a trie with a text at unit " + place + "; it has " + units.limit();
        }
        int begin = units.get(place) & 0x7fff_ffff;
        if (begin > texts.length || (begin < texts.length && (texts[begin] & 0xc0) == 0x80)) {
            return "has a text at byte " + begin + " of " + texts.length + ", where no character begins";
        }
        int characters = 0;
        for (int i = begin; i < texts.length && texts[i] != 0; i++) {
            characters += (texts[i] & 0xc0) == 0x80 ? 0 : 1;
            if (characters > MAX_GROWTH) {
                return "has a text longer than " + MAX_GROWTH + " characters at byte " + begin;
            }
        }
        growth = Math.max(growth, characters);
        return null;
    }
}
