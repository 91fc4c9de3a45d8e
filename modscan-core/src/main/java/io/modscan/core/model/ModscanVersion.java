package io.modscan.core.model;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** The version of the library that runs, as captures, exports and pages tell it. */
public final class ModscanVersion {

    private static final String CURRENT = read();

    private ModscanVersion() {}

    /**
     * The version, whether the library is on the class path or the module path.
     *
     * @return as the build says it, such as {@code 0.1.0}
     */
    public static String current() {
        return CURRENT;
    }

    private static String read() {
        try (InputStream in = ModscanVersion.class.getResourceAsStream("version.properties")) {
            if (in == null) {
                throw new IllegalStateException("the build left out version.properties");
            }
            Properties properties = new Properties();
            properties.load(in);
            return properties.getProperty("version", "");
        } catch (IOException e) {
            throw new UncheckedIOException("the version cannot be read", e);
        }
    }
}
