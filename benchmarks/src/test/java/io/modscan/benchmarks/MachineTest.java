package io.modscan.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineTest {

    @Test
    void aProcessorIsReadAsLinuxTellsIt() {
        String four = "";
        for (int i = 0; i < 4; i++) {
            four += "processor\t: " + i + "\nmodel name\t: Some Processor @ 2.70GHz\nphysical id\t: " + i / 2
                    + "\ncore id\t\t: 0\nflags\t\t: fpu fma avx2 avx512f amx_tile amx_bf16\n\n";
        }
        assertThat(Machine.processor(four))
                .containsExactly(
                        entry("processor", "Some Processor @ 2.70GHz"),
                        entry("cores", "2, 4 logical"),
                        entry("instructions", "AVX2, FMA, AVX-512, AMX, AMX bfloat16"));
    }

    @Test
    void anArmProcessorHasOtherWords() {
        assertThat(Machine.processor("processor\t: 0\nFeatures\t: fp asimd bf16\n"))
                .contains(entry("cores", "1 logical"), entry("instructions", "NEON, bfloat16"));
    }

    @Test
    void cachesAreToldByLevel(@TempDir Path folder) throws IOException {
        String[][] caches = {{"1", "Data", "48K"}, {"1", "Instruction", "32K"}, {"2", "Unified", "2048K"}};
        for (int i = 0; i < caches.length; i++) {
            Path index = Files.createDirectory(folder.resolve("index" + i));
            Files.writeString(index.resolve("level"), caches[i][0] + "\n");
            Files.writeString(index.resolve("type"), caches[i][1] + "\n");
            Files.writeString(index.resolve("size"), caches[i][2] + "\n");
        }
        assertThat(Machine.caches(folder)).isEqualTo("L1 data 48K, L1 instruction 32K, L2 2048K");
        assertThat(Machine.caches(folder.resolve("none"))).startsWith("not told");
    }

    @Test
    void everyFactIsThere() throws IOException {
        assertThat(Machine.facts())
                .containsKeys("processor", "memory", "Java", "modscan", "ONNX Runtime", "optional modules")
                .allSatisfy((name, fact) -> assertThat(fact).isNotBlank().doesNotContain("|"));
    }
}
