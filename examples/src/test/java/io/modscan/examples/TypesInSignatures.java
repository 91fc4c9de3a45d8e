package io.modscan.examples;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Met by a class that shows some types to its users: in what it extends, and in what its visible members take, give and throw. */
final class TypesInSignatures extends ArchCondition<JavaClass> {

    private final Predicate<JavaClass> which;

    private TypesInSignatures(String description, Predicate<JavaClass> which) {
        super(description);
        this.which = which;
    }

    /** Types of other libraries. */
    static TypesInSignatures foreign() {
        return new TypesInSignatures(
                "show types of other libraries in public signatures",
                used -> !used.getPackageName().startsWith("java.")
                        && !used.getPackageName().startsWith("io.modscan."));
    }

    /** Types that are not for users. */
    static TypesInSignatures internal() {
        return new TypesInSignatures(
                "show internal types in public signatures",
                used -> (used.getPackageName() + ".").contains(".internal."));
    }

    @Override
    public void check(JavaClass type, ConditionEvents events) {
        Stream<JavaType> above = Stream.concat(type.getSuperclass().stream(), type.getInterfaces().stream());
        report(type, type.getName(), above, events);
        for (JavaField field : type.getFields()) {
            if (isVisible(field.getModifiers())) {
                report(field, field.getFullName(), Stream.of(field.getType()), events);
            }
        }
        for (JavaCodeUnit method : type.getCodeUnits()) {
            if (isVisible(method.getModifiers())) {
                report(
                        method,
                        method.getFullName(),
                        Stream.of(
                                        Stream.of(method.getReturnType()),
                                        method.getParameterTypes().stream(),
                                        method.getExceptionTypes().stream())
                                .flatMap(types -> types),
                        events);
            }
        }
    }

    private static boolean isVisible(Set<JavaModifier> modifiers) {
        return modifiers.contains(JavaModifier.PUBLIC) || modifiers.contains(JavaModifier.PROTECTED);
    }

    private void report(Object member, String name, Stream<? extends JavaType> types, ConditionEvents events) {
        types.flatMap(used -> used.getAllInvolvedRawTypes().stream())
                .map(JavaClass::getBaseComponentType)
                .filter(used -> !used.isPrimitive() && which.test(used))
                .collect(Collectors.toCollection(java.util.LinkedHashSet::new))
                .forEach(used -> events.add(SimpleConditionEvent.satisfied(member, name + " shows " + used.getName())));
    }
}
