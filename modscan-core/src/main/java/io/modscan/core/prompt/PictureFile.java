package io.modscan.core.prompt;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import javax.imageio.IIOException;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import org.jspecify.annotations.Nullable;

/**
 * A picture as a model of images takes it: red, green and blue from 0 to 1, less a mean and divided by a standard deviation
 * each, in float32. It is neither resized nor cut, and not turned as its camera says.
 *
 * @param file         the picture
 * @param channelsLast whether the axes are [height, width, 3] rather than [3, height, width]
 * @param mean         of red, green and blue
 * @param std          of red, green and blue
 */
record PictureFile(Path file, boolean channelsLast, List<Double> mean, List<Double> std) {

    private static final String LAYOUT = "layout";
    private static final String MEAN = "mean";
    private static final String STD = "std";

    /** What may be said of a picture, by the keys that preprocessor_config.json has. */
    static final Set<String> KEYS = Set.of(LAYOUT, MEAN, STD);

    private static final int CHANNELS = 3;

    /** So that a small file that says to be a large picture is not unpacked. */
    private static final long MOST_PIXELS = 1L << 24;

    static PictureFile of(Path file, Map<?, ?> said) {
        Object layout = said.containsKey(LAYOUT) ? said.get(LAYOUT) : "chw";
        if (!"chw".equals(layout) && !"hwc".equals(layout)) {
            throw new ModscanException(file + ": 'layout' is " + layout + "; it must be \"chw\" or \"hwc\"");
        }
        List<Double> std = channels(file, STD, said.get(STD), 1);
        if (std.contains(0.0)) {
            throw new ModscanException(file + ": 'std' is " + std + ", by which nothing can be divided");
        }
        return new PictureFile(file, layout.equals("hwc"), channels(file, MEAN, said.get(MEAN), 0), std);
    }

    private static List<Double> channels(Path file, String key, @Nullable Object said, double otherwise) {
        if (said == null) {
            return List.of(otherwise, otherwise, otherwise);
        }
        if (!(said instanceof List<?> list)
                || list.size() != CHANNELS
                || !list.stream().allMatch(Number.class::isInstance)) {
            throw new ModscanException(file + ": '" + key + "' is " + said
                    + "; it must be a list of three numbers, for red, green and blue");
        }
        return list.stream().map(number -> ((Number) number).doubleValue()).toList();
    }

    InputTensor read() {
        BufferedImage picture = decode();
        int width = picture.getWidth();
        int height = picture.getHeight();
        float[] values = new float[CHANNELS * width * height];
        Raster raster = picture.getRaster();
        // Java would take grey for linear light and change it; and bands for samples of a palette.
        boolean palette = picture.getColorModel() instanceof IndexColorModel;
        int bands = raster.getNumBands();
        int[] largest = IntStream.range(0, bands)
                .map(band -> (1 << Math.min(16, raster.getSampleModel().getSampleSize(band))) - 1)
                .toArray();
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                for (int channel = 0; channel < CHANNELS; channel++) {
                    int band = bands < CHANNELS ? 0 : channel;
                    double value = palette
                            ? ((picture.getRGB(x, y) >> (8 * (CHANNELS - 1 - channel))) & 0xFF) / 255.0
                            : raster.getSample(x, y, band) / (double) largest[band];
                    int at = channelsLast ? (y * width + x) * CHANNELS + channel : (channel * height + y) * width + x;
                    values[at] = (float) ((value - mean.get(channel)) / std.get(channel));
                }
            }
        }
        return channelsLast
                ? InputTensor.of(values, height, width, CHANNELS)
                : InputTensor.of(values, CHANNELS, height, width);
    }

    private BufferedImage decode() {
        try (ImageInputStream bytes = ImageIO.createImageInputStream(file.toFile())) {
            if (bytes == null) {
                throw new ModscanException(file + ": cannot be opened");
            }
            Iterator<ImageReader> readers = ImageIO.getImageReaders(bytes);
            if (!readers.hasNext()) {
                throw new MalformedFileException(file, "is no picture that Java reads; PNG and JPEG are");
            }
            ImageReader reader = readers.next();
            try {
                reader.setInput(bytes, true, true);
                long pixels = (long) reader.getWidth(0) * reader.getHeight(0);
                if (pixels > MOST_PIXELS) {
                    throw new ModscanException(
                            file + ": has " + pixels + " pixels; at most " + MOST_PIXELS + " are read");
                }
                return reader.read(0);
            } catch (ModscanException e) {
                throw e;
            } catch (RuntimeException e) {
                // Java's decoders trust what they read.
                throw new MalformedFileException(file, "is a damaged picture", e);
            } finally {
                reader.dispose();
            }
        } catch (IIOException e) {
            throw new MalformedFileException(file, "is a damaged picture, or of a kind that Java does not read", e);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
    }
}
