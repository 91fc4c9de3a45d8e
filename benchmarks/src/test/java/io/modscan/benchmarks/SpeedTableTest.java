package io.modscan.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpeedTableTest {

    @TempDir
    Path folder;

    @Test
    void aTableHasEveryRowForEachNumberOfThreads() throws Exception {
        SpeedTable.main(new String[] {
            "--out",
            folder.toString(),
            "--shape",
            "tiny",
            "--prompts",
            "3",
            "--rounds",
            "2",
            "--threads",
            "1,2",
            "--few",
            "true"
        });
        List<String> csv = Files.readAllLines(folder.resolve("speed.csv"));
        assertThat(csv.get(0)).isEqualTo("device,threads,row,round,tokens_per_second");
        List<String[]> lines = csv.stream()
                .skip(1)
                .map(line -> line.replace("\"", "").split(",(?=\\S)"))
                .toList();
        assertThat(lines)
                .allSatisfy(line -> assertThat(Double.parseDouble(line[4])).isPositive());
        var rows = lines.stream()
                .filter(line -> line[0].equals("cpu"))
                .collect(Collectors.groupingBy(
                        line -> line[2],
                        Collectors.mapping(line -> line[1] + "/" + line[3], Collectors.toCollection(TreeSet::new))));
        assertThat(rows).containsKeys(CaptureSpeed.CEILING, "last residual, pooled", "z and neurons, in a file");
        assertThat(rows.values()).allSatisfy(each -> assertThat(each).containsExactly("1/1", "1/2", "2/1", "2/2"));
        List<String> table = Files.readAllLines(folder.resolve("speed.md"));
        assertThat(table).anyMatch(line -> line.startsWith("| | 1 thread | 2 threads |"));
        rows.keySet()
                .forEach(row -> assertThat(table)
                        .filteredOn(line -> line.startsWith("| " + row + " | "))
                        .hasSize(1)
                        .allMatch(line -> line.matches(".*\\d \\(\\d.* to .*") && !line.contains("not run")));
        Machine.facts().forEach((name, fact) -> assertThat(table).contains("| " + name + " | " + fact + " |"));
    }

    @Test
    void threadsAreDoubledUntilAllAreUsed() {
        assertThat(SpeedTable.threads(1)).containsExactly(1);
        assertThat(SpeedTable.threads(2)).containsExactly(1, 2);
        assertThat(SpeedTable.threads(12)).containsExactly(1, 2, 4, 8, 12);
    }
}
