package io.modscan.core.internal.capture;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Reading;
import io.modscan.core.token.PromptTokens;
import java.util.List;

/** Says beforehand what would otherwise end in an error without a hint, after much work. */
public final class HeapCheck {

    private final List<Reading> readings;
    private final long most = Runtime.getRuntime().maxMemory();
    private long prompts;
    private long bytes;

    HeapCheck(List<Reading> readings) {
        this.readings = readings;
    }

    /** Counts a prompt's values in. */
    void add(PromptTokens tokens) {
        prompts++;
        for (Reading reading : readings) {
            bytes += reading.values(tokens) * Float.BYTES;
        }
        if (bytes > most) {
            throw new ModscanException("the values of the first " + prompts + " prompts at " + readings.size()
                    + " sites take " + (bytes >> 20) + " MiB already, and Java's heap has at most " + (most >> 20)
                    + " MiB: pool them, capture fewer sites or prompts, capture into a file, or give Java more (-Xmx)");
        }
    }
}
