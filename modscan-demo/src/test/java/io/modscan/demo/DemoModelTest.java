package io.modscan.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.site.Sites;
import io.modscan.onnx.opt.OptModel;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class DemoModelTest {

    @Test
    void aSmallOptAndTenPromptsOfEachTopic() {
        OptModel model = DemoModel.open();
        assertThat(model.sites().stream().filter(Sites.mlpPost()::selects))
                .hasSize(6)
                .allMatch(site -> site.units() == 1024);
        assertThat(model.sites().stream().filter(Sites.z()::selects)).hasSize(6).allMatch(site -> site.heads() == 8);
        List<String> topics = DemoModel.prompts().labels("topic");
        assertThat(new HashSet<>(topics)).hasSize(10).allMatch(topic -> Collections.frequency(topics, topic) == 10);
        assertThat(model.tokenizer().encode("The letter lay unopened"))
                .startsWith(model.bosTokenId().orElseThrow());
    }

    @Test
    void theFilesAreLaidOutOnce() {
        assertThat(DemoModel.folder()).isDirectory().isEqualTo(DemoModel.folder());
        assertThat(DemoModel.promptFile()).isRegularFile().isEqualTo(DemoModel.promptFile());
    }
}
