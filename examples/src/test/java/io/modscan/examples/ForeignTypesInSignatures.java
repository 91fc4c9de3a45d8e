package io.modscan.examples;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.stream.Stream;

/** Met by a class whose public methods take, return or throw a type of another library. */
final class ForeignTypesInSignatures extends ArchCondition<JavaClass> {

    ForeignTypesInSignatures() {
        super("show types of other libraries in public signatures");
    }

    @Override
    public void check(JavaClass type, ConditionEvents events) {
        for (JavaCodeUnit method : type.getCodeUnits()) {
            if (method.getModifiers().contains(JavaModifier.PUBLIC)) {
                Stream.of(
                                Stream.of(method.getRawReturnType()),
                                method.getRawParameterTypes().stream(),
                                method.getExceptionTypes().stream())
                        .flatMap(types -> types)
                        .map(JavaClass::getBaseComponentType)
                        .filter(used -> !used.isPrimitive()
                                && !used.getPackageName().startsWith("java.")
                                && !used.getPackageName().startsWith("io.modscan."))
                        .forEach(used -> events.add(SimpleConditionEvent.satisfied(
                                method, method.getFullName() + " shows " + used.getName())));
            }
        }
    }
}
