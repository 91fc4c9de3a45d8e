package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.core.site.Unit;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.effect.Ablation;
import io.modscan.metrics.effect.Curve;
import io.modscan.metrics.effect.Curves;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.Outcome;
import io.modscan.metrics.effect.Ranking;
import io.modscan.metrics.effect.Target;
import io.modscan.metrics.effect.UnitEffect;
import io.modscan.onnx.opt.OptModel;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Studies of the demo's model, beside copies of its checkpoint in which the same units are switched off by hand. */
class DemoAblationTest {

    /** Nats a token; sums of float32 differ in their last digits. */
    private static final double ROUNDING = 1e-4;

    private static final OptModel MODEL = DemoModel.open();

    /** Two of each topic. */
    private static final Prompts PROMPTS = some();

    @TempDir
    private Path folder;

    private static Prompts some() {
        Map<String, Integer> seen = new TreeMap<>();
        return DemoModel.prompts()
                .filter(prompt -> seen.merge(String.valueOf(prompt.labels().get("topic")), 1, Integer::sum) <= 2);
    }

    private static Site site(String name) {
        return MODEL.sites().stream()
                .filter(site -> site.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static Unit head(int layer, int head) {
        return Unit.of(site("blocks." + layer + ".attn.hook_z").magnitude(), head);
    }

    private static List<Target> targets() {
        Random random = new Random(3);
        List<Unit> neurons = new ArrayList<>();
        for (int layer = 0; layer < 6; layer++) {
            for (int i = 0; i < 40; i++) {
                neurons.add(Unit.of(site("blocks." + layer + ".mlp.hook_post"), 25 * i + random.nextInt(25)));
            }
        }
        List<Unit> both = new ArrayList<>(neurons.subList(60, 240));
        both.add(head(2, 3));
        both.add(head(5, 0));
        return List.of(
                new Target("4.5", List.of(head(4, 5))),
                new Target("0.4", List.of(head(0, 4))),
                new Target("neurons", neurons),
                new Target("heads and neurons", both));
    }

    /** What does nothing in one is not the same as what does much in the other: the table of one call is that of the copies. */
    @Test
    void aStudyGivesWhatEditedCheckpointsGive() throws IOException {
        EffectMap effects = Ablation.of(MODEL)
                .targets(targets())
                .replacing(Replacement.zero())
                .run(PROMPTS);
        Map<String, Double> plain = losses(MODEL);
        for (Target target : targets()) {
            Map<String, Double> edited = losses(without(target.units(), folder.resolve(target.name())));
            edited.forEach((topic, loss) -> {
                UnitEffect row = effects.get(target.name(), topic);
                double untouched = plain.getOrDefault(topic, Double.NaN);
                assertThat(row.untouched()).as(topic).isCloseTo(untouched, within(ROUNDING));
                assertThat(row.effect()).as(target.name() + " " + topic).isCloseTo(loss - untouched, within(ROUNDING));
            });
        }
        // The head that lights up for medicine does next to nothing; the other one works for everybody.
        assertThat(effects.rows("medicine").filter(row -> row.target().equals("4.5")))
                .allSatisfy(row -> assertThat(row.effect()).isBetween(0.0, 0.05));
        assertThat(effects.rows().filter(row -> row.target().equals("0.4")))
                .allSatisfy(row -> assertThat(row.effect()).isGreaterThan(0.1));
    }

    private static Map<String, Double> losses(OptModel model) {
        Activations loss;
        try (Probe probe =
                Probe.builder(model).sites(Sites.loss()).pooling(Pooling.mean()).build()) {
            loss = probe.capture(PROMPTS);
        }
        Map<String, Double> sums = new TreeMap<>();
        for (int i = 0; i < PROMPTS.size(); i++) {
            String topic = String.valueOf(PROMPTS.get(i).labels().get("topic"));
            sums.merge(topic, loss.onlySite().vector(i)[0] / 2.0, Double::sum);
        }
        return sums;
    }

    /** A copy in which the columns are zero that units write through. */
    private static OptModel without(List<Unit> units, Path copy) throws IOException {
        Files.createDirectories(copy);
        try (Stream<Path> files = Files.list(DemoModel.folder())) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        SafetensorsFile file = SafetensorsFile.open(copy.resolve("model.safetensors"));
        try (FileChannel channel = FileChannel.open(file.path(), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            for (Unit unit : units) {
                zero(file, channel, unit);
            }
        }
        return OptModel.open(copy);
    }

    private static void zero(SafetensorsFile file, FileChannel channel, Unit unit) throws IOException {
        boolean head = unit.head().isPresent();
        String name = "layers." + unit.site().layer().getAsInt() + (head ? ".self_attn.out_proj" : ".fc2") + ".weight";
        StoredTensor tensor = file.tensors().values().stream()
                .filter(stored -> stored.name().endsWith(name))
                .findFirst()
                .orElseThrow();
        int columns = Math.toIntExact(tensor.shape().get(1));
        int width = head ? unit.site().magnitudeOf().orElseThrow().units() : 1;
        int from = head ? unit.head().getAsInt() * width : unit.unit().getAsInt();
        int bytes = tensor.dtype().bytes();
        for (int row = 0; row < tensor.shape().get(0); row++) {
            channel.write(ByteBuffer.allocate(width * bytes), tensor.offset() + ((long) row * columns + from) * bytes);
        }
    }

    /** A model that can't begin late gives the same, beyond rounding. */
    @Test
    void beginningLateChangesNothing() {
        List<Target> few = targets().subList(0, 2);
        EffectMap late = Ablation.of(MODEL).targets(few).run(PROMPTS);
        EffectMap whole = Ablation.of(fromTheBeginning()).targets(few).run(PROMPTS);
        for (Target target : few) {
            assertThat(late.effects(target.name()))
                    .usingComparatorWithPrecision(1e-4f)
                    .containsExactly(whole.effects(target.name()));
        }
        assertThat(Ablation.of(MODEL).targets(few).passes()).isEqualTo(1 + 2 / 6.0 + 1);
        assertThat(Ablation.of(fromTheBeginning()).targets(few).passes()).isEqualTo(3);
    }

    @Test
    void resultsOfOtherPromptsMerge() {
        List<Target> few = targets().subList(0, 2);
        Ablation study = Ablation.of(MODEL).targets(few).replacing(Replacement.zero());
        EffectMap whole = study.run(PROMPTS);
        EffectMap merged = study.run(PROMPTS.slice(0, 9)).merge(study.run(PROMPTS.slice(9, PROMPTS.size())));
        assertThat(merged.prompts()).isEqualTo(whole.prompts());
        whole.rows().forEach(row -> {
            UnitEffect other = merged.get(row.target(), row.label());
            assertThat(other.effect()).isCloseTo(row.effect(), within(1e-5));
            assertThat(other.q()).isCloseTo(row.q(), within(1e-9));
        });
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> whole.merge(merged))
                .withMessageContaining("is in both");
    }

    /** What the head says lies farther off the more it is disturbed, and an untouched run lies nowhere off itself. */
    @Test
    void outcomesTellTheSameStory() {
        List<Target> few = targets().subList(0, 2);
        EffectMap kl = Ablation.of(MODEL).targets(few).outcome(Outcome.kl()).run(PROMPTS);
        kl.rows("medicine").forEach(row -> assertThat(row.untouched()).isCloseTo(0, within(1e-5)));
        assertThat(kl.get("0.4", "medicine").effect())
                .isGreaterThan(kl.get("4.5", "medicine").effect())
                .isPositive();
        EffectMap moved = Ablation.of(MODEL)
                .targets(few)
                .outcome(Outcome.distance(Sites.glob("blocks.5.hook_resid_post"), Pooling.mean()))
                .run(PROMPTS);
        assertThat(moved.rows()).allSatisfy(row -> assertThat(row.effect()).isPositive());
        EffectMap logit = Ablation.of(MODEL)
                .targets(few)
                .outcome(Outcome.logitDifference(10, 20))
                .run(PROMPTS);
        EffectMap one =
                Ablation.of(MODEL).targets(few).outcome(Outcome.logit(10)).run(PROMPTS);
        EffectMap other =
                Ablation.of(MODEL).targets(few).outcome(Outcome.logit(20)).run(PROMPTS);
        logit.rows()
                .forEach(row -> assertThat(row.effect())
                        .isCloseTo(
                                one.get(row.target(), row.label()).effect()
                                        - other.get(row.target(), row.label()).effect(),
                                within(1e-4)));
    }

    /** Random sets are of the same sites and of other units, and what they do is told beside. */
    @Test
    void randomSetsStandBesideATarget() {
        EffectMap effects = Ablation.of(MODEL)
                .targets(targets().subList(0, 2))
                .matched(3, 7)
                .run(PROMPTS);
        assertThat(effects.targets()).hasSize(2);
        assertThat(effects.rows()).allSatisfy(row -> {
            assertThat(row.matched()).isFinite().isNotEqualTo(row.effect());
            assertThat(row.matchedP()).isBetween(0.25, 1.0);
        });
        EffectMap again = Ablation.of(MODEL)
                .targets(targets().subList(0, 2))
                .matched(3, 7)
                .run(PROMPTS);
        assertThat(again.rows()).isEqualTo(effects.rows().toList());
    }

    /** The end of both curves is everything removed, or everything there. */
    @Test
    void curvesGoFromUntouchedToEverything() {
        List<Unit> neurons = new ArrayList<>(IntStream.range(0, 1024)
                .mapToObj(i -> Unit.of(site("blocks.4.mlp.hook_post"), i))
                .toList());
        Ranking forwards = new Ranking("in order", neurons);
        Collections.reverse(neurons);
        Ranking backwards = new Ranking("backwards", neurons);
        List<Curve> removed =
                Curves.removing(Ablation.of(MODEL), List.of(forwards, Ranking.random(neurons, 1)), PROMPTS);
        List<Curve> kept = Curves.keepingOnly(Ablation.of(MODEL), List.of(backwards), PROMPTS);
        assertThat(removed).hasSize(20);
        assertThat(kept).hasSize(10);
        // To keep the last half only is to remove the first half.
        Curve one = removed.get(0);
        Curve other = kept.get(0);
        assertThat(one.points().get(one.points().size() - 1).outcome())
                .isCloseTo(other.points().get(other.points().size() - 1).outcome(), within(1e-5));
        assertThat(one.untouched()).isEqualTo(other.untouched());
        assertThat(one.everything()).isCloseTo(other.everything(), within(1e-5));
        assertThat(one.points()).extracting(Curve.Point::units).containsExactly(1, 2, 5, 10, 20, 51, 102, 205, 512);
        assertThat(other.cpr()).isBetween(-1.0, 2.0);
        assertThat(other.cmd()).isPositive();
        assertThatExceptionOfType(ModscanException.class).isThrownBy(one::cpr).withMessageContaining("what is removed");
    }

    @Test
    void whatCannotBeStudiedIsRefused() {
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Ablation.of(MODEL).run(PROMPTS))
                .withMessageContaining("name heads, units or targets");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Ablation.of(MODEL).heads().by("tone").run(PROMPTS))
                .withMessageContaining("tone");
        Site embed = site("hook_embed");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() ->
                        Ablation.of(MODEL).units(List.of(Unit.of(embed, 3))).run(PROMPTS))
                .withMessageContaining("hook_embed can't be changed");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Ablation.of(MODEL)
                        .targets(List.of(targets().get(0), targets().get(0))))
                .withMessageContaining("name of its own");
    }

    /** A model that has no place to begin late at. */
    private static Model fromTheBeginning() {
        return (Model) Proxy.newProxyInstance(
                Model.class.getClassLoader(),
                new Class<?>[] {Model.class},
                (proxy, method, arguments) ->
                        method.getName().equals("starts") ? List.of() : method.invoke(MODEL, arguments));
    }
}
