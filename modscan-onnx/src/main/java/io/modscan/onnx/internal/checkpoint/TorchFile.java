package io.modscan.onnx.internal.checkpoint;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.safetensors.StoredTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipFile;

/**
 * A {@code pytorch_model.bin}: a state dict as {@code torch.save} writes it, a zip of a pickle ({@code NAME/data.pkl})
 * and one entry for each storage ({@code NAME/data/KEY}). The entries are stored, not compressed, so each tensor lies
 * raw in the file; where, is what is read here. No weight is copied, no code of the pickle is run.
 */
public final class TorchFile {

    private static final String PICKLE = "data.pkl";

    /** A state dict's pickle takes some 200 bytes a tensor. */
    private static final long MAX_PICKLE = 32L << 20;

    /** A zip's directory takes some 200 bytes an entry; the directory's parser needs about 15 times that in memory. */
    private static final long MAX_DIRECTORY = 8L << 20;

    /** What torch wrote as the first value of its files before version 1.6, as little-endian bytes. */
    private static final String LEGACY_MAGIC = "l\u00fc\u009cF\u00f9 j\u00a8P\u0019";

    private static final String CONVERT = "To convert it: python -c \"import sys, torch; "
            + "d = torch.load(sys.argv[1], map_location='cpu', weights_only=True); "
            + "torch.save({k: v.contiguous() for k, v in d.items()}, sys.argv[2])\" OLD.bin NEW.bin";

    /** Where an entry's bytes lie. */
    private record Entry(String name, long offset, long length, boolean raw) {}

    private final Path file;
    private final SeekableByteChannel channel;
    private final long size;

    private TorchFile(Path file, SeekableByteChannel channel) throws IOException {
        this.file = file;
        this.channel = channel;
        this.size = channel.size();
    }

    /**
     * Finds the tensors of a state dict.
     *
     * @param file the file, as {@code torch.save} wrote it
     * @return name to tensor, in the order of the state dict; unmodifiable. Tensors may share bytes, as tied weights do
     * @throws MalformedFileException    if the file is truncated, inconsistent or no torch file
     * @throws UnsupportedModelException if it is a torch file of a kind that cannot be read in place (of the layout
     *                                   before torch 1.6, compressed, big-endian, with a tensor that is not contiguous)
     *                                   or more than a dict of tensors
     * @throws UncheckedIOException      if the file cannot be read
     */
    static Map<String, StoredTensor> read(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return read(file, channel);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
    }

    /** The same for a file whose bytes come through a channel, which is not closed. */
    static Map<String, StoredTensor> read(Path file, SeekableByteChannel channel) throws IOException {
        return new TorchFile(file, channel).tensors();
    }

    private Map<String, StoredTensor> tensors() throws IOException {
        refuseOtherFormats();
        Map<String, Entry> entries = entries();
        String root = root(entries);
        if (entries.containsKey(root + "constants.pkl")) {
            throw new UnsupportedModelException(
                    file + ": is a TorchScript program; right is a state dict. Load it with "
                            + "torch.jit.load and save its state_dict() with torch.save");
        }
        refuseBigEndian(entries, root);
        Entry pickle = raw(entries, root + PICKLE, "the state dict");
        if (pickle.length() > MAX_PICKLE) {
            throw new MalformedFileException(
                    file,
                    "entry " + PickleBytes.quoted(pickle.name()) + " has " + pickle.length()
                            + " bytes; a state dict's has at most " + MAX_PICKLE);
        }
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        StateDictPickle.read(file, PICKLE, bytes(pickle.offset(), (int) pickle.length()))
                .forEach((name, tensor) -> tensors.put(name, locate(name, tensor, entries, root)));
        return Collections.unmodifiableMap(tensors);
    }

    private void refuseOtherFormats() throws IOException {
        // As ISO 8859-1, every byte is the character of the same number.
        String head = new String(bytes(0, (int) Math.min(size, 512)), StandardCharsets.ISO_8859_1);
        if (head.startsWith("PK\u0003\u0004")) {
            return;
        }
        int magic = head.indexOf(LEGACY_MAGIC);
        if ((head.startsWith("\u0080") && magic >= 0 && magic < 32) || head.startsWith("ustar", 257)) {
            throw new UnsupportedModelException(
                    file + ": is in the layout that torch wrote before version 1.6, pickles one "
                            + "after the other; right is the zip that torch.save writes since. " + CONVERT);
        }
        throw new MalformedFileException(
                file,
                head.startsWith("version https://git-lfs")
                        ? "is a Git LFS pointer, not the weights; fetch them with git lfs pull"
                        : "is no torch file: it has " + size
                                + " bytes and does not begin with 'PK' 3 4, as the zip that "
                                + "torch.save writes does");
    }

    private Map<String, Entry> entries() throws IOException {
        Map<String, Entry> entries = new LinkedHashMap<>();
        for (ZipArchiveEntry zipped : zipDirectory()) {
            String name = zipped.getName();
            boolean stored = zipped.getMethod() == ZipArchiveEntry.STORED
                    && !zipped.getGeneralPurposeBit().usesEncryption();
            Entry entry = new Entry(name, zipped.getDataOffset(), zipped.getCompressedSize(), stored);
            if (entry.offset() < 0 || entry.length() < 0 || entry.offset() > size - entry.length()) {
                throw new MalformedFileException(
                        file,
                        "entry " + PickleBytes.quoted(name) + " begins at byte " + entry.offset() + " and has "
                                + entry.length() + " bytes, but the file has " + size + " (truncated?)");
            }
            if (stored && zipped.getSize() != entry.length()) {
                throw new MalformedFileException(
                        file,
                        "entry " + PickleBytes.quoted(name) + " is not compressed, yet has " + entry.length()
                                + " bytes here and " + zipped.getSize() + " unpacked");
            }
            if (entries.put(name, entry) != null) {
                throw new MalformedFileException(file, "entry " + PickleBytes.quoted(name) + " is there twice");
            }
        }
        refuseOverlaps(entries);
        return entries;
    }

    private List<ZipArchiveEntry> zipDirectory() {
        // The parser reports each trouble with the directory as an IOException of its own; that the file itself can be
        // read has been seen by now. Closing it closes the channel that it was given, so that one guards ours.
        try (ZipFile zip = ZipFile.builder()
                .setSeekableByteChannel(new DirectoryChannel(channel))
                .setUseUnicodeExtraFields(false)
                .get()) {
            return Collections.list(zip.getEntries());
        } catch (IOException | RuntimeException e) {
            Throwable reason = e.getCause() == null ? e : e.getCause();
            if (reason instanceof ClosedChannelException closed) {
                throw new UncheckedIOException(file + ": reading it was interrupted: " + closed, closed);
            }
            throw new MalformedFileException(
                    file,
                    "begins as a zip, but the directory at its end cannot be read ("
                            + PickleBytes.quoted(reason.toString()) + "): truncated or damaged? It has " + size
                            + " bytes; fetch it again",
                    e);
        }
    }

    private void refuseOverlaps(Map<String, Entry> entries) {
        List<Entry> byOffset = new ArrayList<>(entries.values());
        byOffset.removeIf(entry -> entry.length() == 0);
        byOffset.sort(Comparator.comparingLong(Entry::offset));
        for (int i = 1; i < byOffset.size(); i++) {
            Entry before = byOffset.get(i - 1);
            Entry entry = byOffset.get(i);
            if (entry.offset() < before.offset() + before.length()) {
                throw new MalformedFileException(
                        file,
                        "entry " + PickleBytes.quoted(entry.name()) + " begins at byte " + entry.offset()
                                + ", inside entry " + PickleBytes.quoted(before.name()) + ", which ends at "
                                + (before.offset() + before.length()));
            }
        }
    }

    /** The folder within the zip, with its slash: torch names it after the file, {@code archive} by default. */
    private String root(Map<String, Entry> entries) {
        List<String> pickles = entries.keySet().stream()
                .filter(name -> name.endsWith("/" + PICKLE))
                .toList();
        if (pickles.size() != 1) {
            throw new MalformedFileException(
                    file,
                    "is a zip with " + pickles.size() + " entries named NAME/" + PICKLE + " among its " + entries.size()
                            + "; a file that torch.save wrote has one");
        }
        return pickles.get(0).substring(0, pickles.get(0).length() - PICKLE.length());
    }

    private void refuseBigEndian(Map<String, Entry> entries, String root) throws IOException {
        // Older torch wrote no such entry; such a file is taken as torch.load takes it on a little-endian machine.
        if (entries.containsKey(root + "byteorder")) {
            Entry entry = raw(entries, root + "byteorder", "the byte order");
            String order =
                    new String(bytes(entry.offset(), (int) Math.min(entry.length(), 16)), StandardCharsets.ISO_8859_1);
            if (order.equals("big")) {
                throw new UnsupportedModelException(
                        file + ": was written on a big-endian machine; right is little-endian. " + CONVERT);
            }
            if (!order.equals("little")) {
                throw new MalformedFileException(
                        file,
                        "entry " + PickleBytes.quoted(entry.name()) + " says " + PickleBytes.quoted(order)
                                + "; right is 'little'");
            }
        }
    }

    private StoredTensor locate(String name, PickleValue.Tensor tensor, Map<String, Entry> entries, String root) {
        String where = "tensor " + PickleBytes.quoted(name);
        PickleValue.Storage storage = tensor.storage();
        Entry entry = raw(entries, root + "data/" + storage.key(), where);
        int itemBytes = storage.dtype().bytes();
        if (entry.length() / itemBytes != storage.elements()) {
            throw new MalformedFileException(
                    file,
                    where + " is in entry " + PickleBytes.quoted(entry.name()) + " of " + entry.length()
                            + " bytes; right for its " + storage.elements() + " elements of " + storage.dtype()
                            + " are " + itemBytes + " each");
        }
        long bytes;
        try {
            bytes = StoredTensor.byteLength(storage.dtype(), tensor.shape());
        } catch (IllegalArgumentException e) {
            throw new MalformedFileException(file, where + ": " + e.getMessage(), e);
        }
        long elements = bytes / itemBytes;
        if (tensor.offset() < 0 || tensor.offset() > storage.elements() - elements) {
            throw new MalformedFileException(
                    file,
                    where + " of shape " + tensor.shape() + " begins at element " + tensor.offset()
                            + " of its storage, which has " + storage.elements() + " elements");
        }
        if (elements > 0) {
            refuseNonContiguous(where, tensor);
        }
        return new StoredTensor(
                name, storage.dtype(), tensor.shape(), file, entry.offset() + tensor.offset() * itemBytes, bytes);
    }

    private void refuseNonContiguous(String where, PickleValue.Tensor tensor) {
        long expected = 1;
        for (int axis = tensor.shape().size() - 1; axis >= 0; axis--) {
            long dimension = tensor.shape().get(axis);
            if (dimension != 1 && tensor.strides().get(axis) != expected) {
                throw new UnsupportedModelException(file + ": " + where + " of shape " + tensor.shape()
                        + " has the strides " + tensor.strides() + ", so it does not lie row by row (a transposed or "
                        + "sliced view?); right are contiguous tensors. " + CONVERT);
            }
            expected *= dimension;
        }
    }

    private Entry raw(Map<String, Entry> entries, String name, String of) {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new MalformedFileException(
                    file, "has no entry " + PickleBytes.quoted(name) + ", which should hold " + of);
        }
        if (!entry.raw()) {
            throw new UnsupportedModelException(file + ": entry " + PickleBytes.quoted(name) + ", which holds " + of
                    + ", is compressed or encrypted; right are stored entries, as torch.save writes them. " + CONVERT);
        }
        return entry;
    }

    private byte[] bytes(long offset, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length);
        channel.position(offset);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                throw new MalformedFileException(file, "ends at byte " + (offset + buffer.position()) + " while read");
            }
        }
        return buffer.array();
    }

    /**
     * Lets the zip's parser read no more than a directory takes: it keeps all that it reads, and it goes by what it
     * finds, not by the number of entries that the file declares. Leaves the file open when closed.
     */
    private static final class DirectoryChannel extends ReadOnlyChannel {
        private final SeekableByteChannel file;
        private long left = MAX_DIRECTORY;

        DirectoryChannel(SeekableByteChannel file) {
            this.file = file;
        }

        @Override
        public int read(ByteBuffer target) throws IOException {
            left -= target.remaining();
            if (left < 0) {
                throw new IOException("its directory takes more than " + MAX_DIRECTORY + " bytes");
            }
            return file.read(target);
        }

        @Override
        public long position() throws IOException {
            return file.position();
        }

        @Override
        public SeekableByteChannel position(long position) throws IOException {
            file.position(position);
            return this;
        }

        @Override
        public long size() throws IOException {
            return file.size();
        }
    }
}
