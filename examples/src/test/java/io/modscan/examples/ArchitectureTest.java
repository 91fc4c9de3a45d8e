package io.modscan.examples;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;

/** The direction of dependencies, and what the public API keeps to itself. */
@AnalyzeClasses(packages = "io.modscan", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    private static final List<String> MODULES =
            List.of("core", "onnx", "metrics", "openblas", "report", "scan", "demo", "cli");

    @ArchTest
    static final ArchRule CORE_KNOWS_NO_RUNTIME_AND_NO_METRIC = noClasses()
            .that()
            .resideInAPackage("io.modscan.core..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "io.modscan.onnx..",
                    "io.modscan.metrics..",
                    "ai.onnxruntime..",
                    "ai.onnx..",
                    "com.google.protobuf..");

    @ArchTest
    static final ArchRule METRICS_KNOW_NO_RUNTIME = noClasses()
            .that()
            .resideInAPackage("io.modscan.metrics..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.modscan.onnx..", "ai.onnxruntime..", "ai.onnx..", "com.google.protobuf..");

    @ArchTest
    static final ArchRule RUNTIME_KNOWS_NO_METRIC = noClasses()
            .that()
            .resideInAPackage("io.modscan.onnx..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.modscan.metrics..");

    @ArchTest
    static final ArchRule PICTURES_KNOW_NO_RUNTIME = noClasses()
            .that()
            .resideInAPackage("io.modscan.report..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.modscan.onnx..", "ai.onnxruntime..", "ai.onnx..");

    @ArchTest
    static final ArchRule NOTHING_BELOW_KNOWS_PICTURES = noClasses()
            .that()
            .resideInAnyPackage("io.modscan.core..", "io.modscan.onnx..", "io.modscan.metrics..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.modscan.report..");

    @ArchTest
    static final ArchRule A_SCAN_KNOWS_NO_RUNTIME = noClasses()
            .that()
            .resideInAnyPackage("io.modscan.scan..", "io.modscan.report..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.modscan.onnx..", "io.modscan.demo..", "io.modscan.cli..", "ai.onnxruntime..");

    @ArchTest
    static final ArchRule NOTHING_PUBLISHED_KNOWS_THE_EXAMPLES = noClasses()
            .that()
            .resideOutsideOfPackages("io.modscan.examples..", "io.modscan.benchmarks..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.modscan.examples..");

    @ArchTest
    static final ArchRule THE_HUB_KNOWS_NO_MODEL = noClasses()
            .that()
            .resideInAPackage("io.modscan.onnx.hub..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.modscan.onnx", "io.modscan.onnx.opt..", "io.modscan.onnx.foreign..");

    /** Each package is a room of its own, so this holds within modules and between them. */
    @ArchTest
    static final ArchRule PACKAGES_HAVE_NO_CIRCLES =
            slices().matching("io.modscan.(**)").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule INNER_PACKAGES_OF_CORE_DO_NOT_KNOW_THE_PROBE = noClasses()
            .that()
            .resideInAnyPackage("io.modscan.core.*..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.modscan.core");

    @ArchTest
    static void whatIsInternalToAModuleIsUsedByNoOther(JavaClasses classes) {
        for (String module : MODULES) {
            noClasses()
                    .that()
                    .resideOutsideOfPackage("io.modscan." + module + "..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("io.modscan." + module + ".internal..")
                    .check(classes);
        }
    }

    @ArchTest
    static final ArchRule PUBLIC_SIGNATURES_SHOW_NO_INTERNAL_TYPES = noClasses()
            .that()
            .arePublic()
            .and()
            .resideOutsideOfPackage("..internal..")
            .should(TypesInSignatures.internal());

    @ArchTest
    static final ArchRule PUBLIC_SIGNATURES_SHOW_NO_FOREIGN_TYPES = noClasses()
            .that()
            .arePublic()
            .and()
            .resideOutsideOfPackage("..internal..")
            .and()
            .resideInAnyPackage(
                    "io.modscan.core..",
                    "io.modscan.onnx..",
                    "io.modscan.metrics..",
                    "io.modscan.openblas..",
                    "io.modscan.report..",
                    "io.modscan.scan..",
                    "io.modscan.demo..",
                    "io.modscan.cli..")
            .should(TypesInSignatures.foreign());
}
