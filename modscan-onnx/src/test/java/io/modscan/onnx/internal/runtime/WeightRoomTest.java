package io.modscan.onnx.internal.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightRoomTest {

    private static final long GIB = 1L << 30;

    @TempDir
    private Path folder;

    private Path limits(String addresses) throws IOException {
        return Files.writeString(folder.resolve("limits"), """
                Limit                     Soft Limit           Hard Limit           Units
                Max cpu time              unlimited            unlimited            seconds
                Max address space         %-20s unlimited            bytes
                Max file locks            unlimited            unlimited            locks
                """.formatted(addresses));
    }

    @Test
    void aLimitOfTheProcessCountsWhereItIsLessThanTheMachineHas() throws IOException {
        long machine = WeightRoom.total(folder.resolve("none"));
        assertThat(machine).isGreaterThan(GIB / 4);
        assertThat(WeightRoom.total(limits("unlimited"))).isEqualTo(machine);
        assertThat(WeightRoom.total(limits("123456789"))).isEqualTo(123456789);
        assertThat(WeightRoom.total(limits("9223372036854775807"))).isEqualTo(machine);
        assertThat(WeightRoom.total(limits("18446744073709551615"))).isEqualTo(machine);
    }

    @Test
    void javaAndWhatIsComputedComeFirst() {
        WeightRoom room = WeightRoom.of(24 * GIB, 6 * GIB);
        assertThat(room.bytes()).isEqualTo(24 * GIB - 9 * GIB - 3 * GIB / 2);
        assertThat(room.toString()).startsWith("13.50 GiB (of 24.00 GiB, Java may take");
        assertThat(room.waysOut()).contains("-Xmx").contains("withWeightMemory");
        assertThat(WeightRoom.of(2 * GIB, GIB).bytes()).isEqualTo(GIB / 2);
    }

    @Test
    void aUsersWordGoesBeforeTheMachines() {
        WeightRoom room = WeightRoom.of(RuntimeOptions.cpu().withWeightMemory(3 * GIB));
        assertThat(room.bytes()).isEqualTo(3 * GIB);
        assertThat(room).hasToString("3.00 GiB (RuntimeOptions.withWeightMemory)");
        assertThat(room.waysOut()).isEqualTo("give weights more (RuntimeOptions.withWeightMemory)");
        assertThat(WeightRoom.of(RuntimeOptions.cuda(0)).bytes()).isEqualTo(Long.MAX_VALUE);
    }
}
