package io.modscan.core.intervention;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.SafetensorsWriter;
import io.modscan.core.safetensors.StoredTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Values that replace a model's own, or are added to them: the means over some prompts, what another prompt had at each position,
 * or a direction. A reference has a name, by which provenance tells of it, and vectors of one or several sites. Immutable;
 * safe for use by many threads.
 */
public final class Reference {

    private static final String NAME = "modscan.reference";
    private static final String MODEL = "modscan.reference_model";

    private final String name;
    private final Optional<String> model;
    private final Map<String, Values> sites;
    private @Nullable String sha256;

    /**
     * The vectors of a site.
     *
     * @param width     values of a vector
     * @param positions the positions that there are vectors for, ascending; null if one stands for all
     * @param rows      the vectors, side by side
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Values(int width, int @Nullable [] positions, float[] rows) {}

    private Reference(String name, Optional<String> model, Map<String, Values> sites) {
        this.name = name;
        this.model = model;
        this.sites = Collections.unmodifiableMap(new TreeMap<>(sites));
        if (name.isBlank() || sites.isEmpty()) {
            throw new IllegalArgumentException(
                    "a reference has a name and the values of at least one site; this one is '" + name + "', of "
                            + sites.keySet());
        }
    }

    private Reference(String name, String sha256) {
        this.name = name;
        this.model = Optional.empty();
        this.sites = Map.of();
        this.sha256 = sha256;
    }

    /**
     * One vector a site, the same at all positions.
     *
     * @param name    says what it is, such as {@code "mean of 200 law prompts"}
     * @param vectors by the names of sites, each with as many values as the site is {@linkplain io.modscan.core.site.Site#width() wide}
     * @return the reference
     * @throws IllegalArgumentException if the name is blank, there is no site, or a value is not finite
     */
    public static Reference of(String name, Map<String, float[]> vectors) {
        Map<String, Values> sites = new TreeMap<>();
        vectors.forEach((site, vector) ->
                sites.put(site, new Values(vector.length, null, finite(site, vector.clone()))));
        return new Reference(name, Optional.empty(), sites);
    }

    /**
     * A vector a position, as one prompt has them.
     *
     * @param name    says what it is, such as {@code "prompt 17"}
     * @param vectors by the names of sites, [positions, width]: the first for position 0, BOS counted
     * @return the reference
     * @throws IllegalArgumentException if the name is blank, there is no site, one has no positions, vectors are of several lengths,
     *                                  or a value is not finite
     */
    public static Reference ofPositions(String name, Map<String, float[][]> vectors) {
        Map<String, Values> sites = new TreeMap<>();
        vectors.forEach((site, rows) -> {
            if (rows.length == 0) {
                throw new IllegalArgumentException("reference '" + name + "' has no position of " + site);
            }
            int width = rows[0].length;
            float[] flat = new float[Math.multiplyExact(rows.length, width)];
            int[] positions = new int[rows.length];
            for (int i = 0; i < rows.length; i++) {
                if (rows[i].length != width) {
                    throw new IllegalArgumentException("reference '" + name + "' has " + width + " values of " + site
                            + " at position 0, and " + rows[i].length + " at position " + i);
                }
                System.arraycopy(rows[i], 0, flat, i * width, width);
                positions[i] = i;
            }
            sites.put(site, new Values(width, positions, finite(site, flat)));
        });
        return new Reference(name, Optional.empty(), sites);
    }

    /** What a recording tells of a reference: its values are not there. */
    static Reference told(String name, String sha256) {
        return new Reference(name, sha256);
    }

    private static float[] finite(String site, float... values) {
        for (float value : values) {
            if (!Float.isFinite(value)) {
                throw new IllegalArgumentException(
                        "the reference for " + site + " holds " + value + "; what replaces a value is finite");
            }
        }
        return values;
    }

    /**
     * The same, bound to a model, so that another one refuses it.
     *
     * @param fingerprint the model's, as its provenance has it ({@code model.fingerprint})
     * @return a copy
     */
    public Reference ofModel(String fingerprint) {
        return new Reference(name, Optional.of(fingerprint), sites);
    }

    /**
     * The same values at other positions, to patch one position with what another one had.
     *
     * @param from positions that it has values for; of a reference with one vector for all, any
     * @param to   where they go, as many
     * @return a reference of these positions only
     * @throws IllegalArgumentException if there are not as many, two go to the same, or there is no such position
     */
    public Reference moved(List<Integer> from, List<Integer> to) {
        if (from.size() != to.size() || Set.copyOf(to).size() != to.size() || from.isEmpty()) {
            throw new IllegalArgumentException("positions " + from + " can't go to " + to
                    + ": each goes to one of its own, and there is at least one");
        }
        int[] positions = to.stream().mapToInt(Integer::intValue).sorted().toArray();
        if (positions[0] < 0) {
            throw new IllegalArgumentException("values go to positions from 0, not to " + positions[0]
                    + ": how long the prompt is, nobody knows here");
        }
        Map<String, Values> moved = new TreeMap<>();
        sites.forEach((site, values) -> {
            float[] rows = new float[positions.length * values.width()];
            for (int i = 0; i < positions.length; i++) {
                int source = from.get(to.indexOf(positions[i]));
                System.arraycopy(
                        values.rows(),
                        row(site, values, source) * values.width(),
                        rows,
                        i * values.width(),
                        values.width());
            }
            moved.put(site, new Values(values.width(), positions, rows));
        });
        return new Reference(name + " from " + from + " to " + to, model, moved);
    }

    private int row(String site, Values values, int position) {
        int[] positions = values.positions();
        if (positions == null) {
            return 0;
        }
        int row = Arrays.binarySearch(positions, position);
        if (row < 0) {
            throw new IllegalArgumentException("reference '" + name + "' has no value of " + site + " at position "
                    + position + "; it has positions " + inWords(positions));
        }
        return row;
    }

    private static String inWords(int... positions) {
        boolean run = positions[positions.length - 1] - positions[0] == positions.length - 1;
        return run ? positions[0] + " to " + positions[positions.length - 1] : Arrays.toString(positions);
    }

    /**
     * What it is called.
     *
     * @return the name
     */
    public String name() {
        return name;
    }

    /**
     * The sites that it has values of.
     *
     * @return their names; none of a reference that was read from a recording, which does not hold them
     */
    public Set<String> sites() {
        return sites.keySet();
    }

    /**
     * Whether it has a vector for each position, rather than one for all.
     *
     * @param site one of its sites
     * @return whether it does
     * @throws IllegalArgumentException if it has no such site
     */
    public boolean isPerPosition(String site) {
        return values(site).positions() != null;
    }

    /**
     * The vector for a position.
     *
     * @param site     one of its sites
     * @param position from 0
     * @return a copy
     * @throws IllegalArgumentException if it has no such site or position
     */
    public float[] at(String site, int position) {
        Values values = values(site);
        int from = row(site, values, position) * values.width();
        return Arrays.copyOfRange(values.rows(), from, from + values.width());
    }

    private Values values(String site) {
        Values values = sites.get(site);
        if (values == null) {
            throw new IllegalArgumentException(
                    sites.isEmpty()
                            ? "reference '" + name
                                    + "' was read from a recording, which tells its name and digest and holds no values; make"
                                    + " the intervention anew"
                            : "reference '" + name + "' has no values of " + site + "; it has those of "
                                    + sites.keySet());
        }
        return values;
    }

    /** Throws if it has not what a change of a site at some positions asks for. */
    void check(String site, int width, int length, int[] positions, boolean all, Optional<String> fingerprint) {
        Values values = values(site);
        if (values.width() != width) {
            throw new ModscanException("reference '" + name + "' has " + values.width() + " values a position for "
                    + site + ", which has " + width);
        }
        if (model.isPresent() && fingerprint.isPresent() && !model.equals(fingerprint)) {
            throw new ModscanException("reference '" + name + "' is of another model (model.fingerprint " + model.get()
                    + "); this one has " + fingerprint.get() + ". Make it of this model's activations");
        }
        int[] has = values.positions();
        if (has == null) {
            return;
        }
        // Longer ones, too: whoever means all positions means another prompt of the same length.
        boolean other = all && has.length != length;
        for (int position : positions) {
            if (other || Arrays.binarySearch(has, position) < 0) {
                throw new ModscanException("reference '" + name + "' has " + site + " at positions " + inWords(has)
                        + (other ? "" : ", and not at " + position) + "; the prompt has " + length
                        + " tokens. Change positions that both have, or move the reference's to others");
            }
        }
    }

    /** Adds a share of the vector for a position to what is there, for some units. */
    void addTo(float[] fill, int from, int[] units, String site, int position, float times) {
        Values values = values(site);
        int row = row(site, values, position) * values.width();
        for (int unit : units) {
            fill[from + unit] += times * values.rows()[row + unit];
        }
    }

    /**
     * A digest of all values.
     *
     * @return the SHA-256 in hexadecimal digits
     */
    public synchronized String sha256() {
        if (sha256 == null) {
            sha256 = digest();
        }
        return sha256;
    }

    private String digest() {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            sites.forEach((site, values) -> {
                digest.update((site + "\n" + values.width() + Arrays.toString(values.positions()) + "\n")
                        .getBytes(StandardCharsets.UTF_8));
                digest.update(bytes(values.rows()).array());
            });
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private static ByteBuffer bytes(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(values.length, Float.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return bytes;
    }

    /**
     * Writes it to a safetensors file, of which a file of prompts can speak: a float32 tensor a site, [width], or, of a reference
     * with a vector a position, [positions, width] from position 0.
     *
     * @param file where to; an existing file is replaced
     * @throws ModscanException     if it has values for single positions only ({@link #moved}), which the file has no place for
     * @throws UncheckedIOException if it cannot be written
     */
    public void save(Path file) {
        if (sites.isEmpty()) {
            throw new ModscanException(
                    "reference '" + name + "' was read from a recording, which holds no values to write");
        }
        SafetensorsWriter writer = new SafetensorsWriter().metadata(NAME, name);
        model.ifPresent(fingerprint -> writer.metadata(MODEL, fingerprint));
        sites.forEach((site, values) -> {
            int[] positions = values.positions();
            if (positions != null && positions[positions.length - 1] != positions.length - 1) {
                throw new ModscanException("reference '" + name + "' has positions " + inWords(positions)
                        + "; a file has a place for 0 to a last one only");
            }
            List<Long> shape = positions == null
                    ? List.of((long) values.width())
                    : List.of((long) positions.length, (long) values.width());
            writer.add(site, DType.F32, shape, channel -> {
                ByteBuffer bytes = bytes(values.rows());
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
            });
        });
        writer.write(file);
    }

    /**
     * Reads what {@link #save} has written.
     *
     * @param file the file; any safetensors file of float32 tensors [width] or [positions, width] that bear the names of sites
     * @return the reference, named as in the file, or after it
     * @throws ModscanException     if there is no such file, or it is malformed or of other shapes
     * @throws UncheckedIOException if it cannot be read
     */
    public static Reference open(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new ModscanException(
                    file + ": there is no such file; a reference is a safetensors file with a tensor a site");
        }
        SafetensorsFile stored = SafetensorsFile.open(file);
        Map<String, Values> sites = new TreeMap<>();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            for (StoredTensor tensor : stored.tensors().values()) {
                sites.put(tensor.name(), read(file, channel, tensor));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read", e);
        }
        if (sites.isEmpty()) {
            throw new MalformedFileException(file, "has no tensor; a reference has one a site");
        }
        String name = stored.metadata().getOrDefault(NAME, String.valueOf(file.getFileName()));
        return new Reference(name, Optional.ofNullable(stored.metadata().get(MODEL)), sites);
    }

    private static Values read(Path file, FileChannel channel, StoredTensor tensor) throws IOException {
        int axes = tensor.shape().size();
        boolean fits = tensor.dtype() == DType.F32
                && (axes == 1 || axes == 2)
                && tensor.length() > 0
                && tensor.length() <= Integer.MAX_VALUE - 8;
        if (!fits) {
            throw new MalformedFileException(
                    file,
                    "tensor '" + tensor.name() + "' is " + tensor.dtype() + " " + tensor.shape()
                            + "; a reference has float32 [width] or [positions, width], not empty, a site");
        }
        ByteBuffer bytes = ByteBuffer.allocate((int) tensor.length()).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining() && channel.read(bytes, tensor.offset() + bytes.position()) >= 0) {
            // until all is there
        }
        float[] rows = new float[bytes.capacity() / Float.BYTES];
        bytes.rewind().asFloatBuffer().get(rows);
        int width = Math.toIntExact(tensor.shape().get(axes - 1));
        int @Nullable [] positions = null;
        if (axes == 2) {
            positions = new int[rows.length / width];
            Arrays.setAll(positions, i -> i);
        }
        try {
            return new Values(width, positions, finite(tensor.name(), rows));
        } catch (IllegalArgumentException e) {
            throw new MalformedFileException(file, Objects.requireNonNull(e.getMessage()), e);
        }
    }

    /** References are equal if their names, models and digests are. */
    @Override
    public boolean equals(@Nullable Object o) {
        return o == this
                || (o instanceof Reference other
                        && name.equals(other.name)
                        && model.equals(other.model)
                        && sha256().equals(other.sha256()));
    }

    @Override
    public int hashCode() {
        return Objects.hash(name, sha256());
    }

    @Override
    public String toString() {
        return name;
    }
}
