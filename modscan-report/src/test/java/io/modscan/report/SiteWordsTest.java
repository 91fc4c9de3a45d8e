package io.modscan.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.metrics.attention.HeadBehaviour;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SiteWordsTest {

    @Test
    void kindsHaveWordsOfTheirOwn() {
        List<String> kinds = List.of(
                "hook_embed",
                "hook_pos_embed",
                "blocks.*.hook_resid_pre",
                "blocks.*.hook_resid_mid",
                "blocks.*.hook_resid_post",
                "blocks.*.attn.hook_q",
                "blocks.*.attn.hook_k",
                "blocks.*.attn.hook_v",
                "blocks.*.attn.hook_pattern",
                "blocks.*.attn.hook_z",
                "blocks.*.attn.hook_z.magnitude",
                "blocks.*.attn.hook_result",
                "blocks.*.hook_attn_out",
                "blocks.*.mlp.hook_pre",
                "blocks.*.mlp.hook_post",
                "blocks.*.hook_mlp_out");
        assertThat(kinds.stream().map(SiteWords::of))
                .doesNotHaveDuplicates()
                .allSatisfy(words -> assertThat(words).doesNotContain("hook", "*", "."));
        assertThat(SiteWords.of("blocks.*.attn.hook_z.magnitude")).isEqualTo("Heads: how much each writes");
        assertThat(SiteWords.of("blocks.*.attn.hook_q.magnitude")).isEqualTo("Heads: queries, length of the vector");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/model/layers.*/mlp/Mul_output_0",
                "hook_unheard_of",
                "blocks.*.hook_unheard_of.magnitude",
                "encoder.blocks.*.hook_resid_post",
                ""
            })
    void whatNobodyKnowsKeepsItsName(String name) {
        assertThat(SiteWords.of(name)).isEqualTo(name);
    }

    @Test
    void numbersOfHeadsHaveWords() {
        assertThat(SiteWords.ofUnit("PREVIOUS")).isEqualTo("attention to the token before");
        assertThat(SiteWords.ofUnit("MY_OWN")).isEqualTo("my_own");
        assertThat(Arrays.stream(HeadBehaviour.values()).map(each -> SiteWords.ofUnit(each.name())))
                .doesNotHaveDuplicates()
                .allSatisfy(words -> assertThat(words).contains(" "));
    }
}
