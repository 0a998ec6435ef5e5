"""Java calls that never lead to code of the scanned system: the platform, frameworks, logging and collections."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """Names written one behind the other.

    Args:
        text: separated by blanks.
    """
    return frozenset(text.split())


FOREIGN = (
    "java.", "javax.", "jakarta.", "sun.", "com.sun.", "org.springframework.", "org.slf4j.", "org.apache.", "lombok.",
    "com.google.common.", "com.google.gson.", "com.fasterxml.", "org.junit.", "org.mockito.", "org.assertj.",
    "org.hamcrest.", "reactor.", "io.micrometer.", "org.hibernate.", "com.zaxxer.", "ch.qos.", "org.jboss.logging.",
    "io.netty.", "org.joda.", "io.swagger.", "org.w3c.", "org.xml.", "io.grpc.", "com.google.protobuf.", "rx.",
    "io.reactivex.", "com.rabbitmq.", "okhttp3.", "retrofit2.", "com.netflix.", "org.json.", "io.jsonwebtoken.",
    "org.eclipse.microprofile.", "io.quarkus.", "io.smallrye.", "io.vertx.", "com.mongodb.", "org.bson.", "redis.",
    "io.lettuce.", "org.mapstruct.", "org.modelmapper.", "io.opentelemetry.", "io.opentracing.", "kotlin.", "scala.",
    "org.aspectj.", "org.mybatis.", "com.baomidou.", "cn.hutool.", "com.alibaba.fastjson", "org.redisson.",
    "io.github.resilience4j.", "org.jooq.", "org.flywaydb.", "com.amazonaws.", "software.amazon.", "com.azure.",
)  # fmt: skip
HEADS = words(
    """System Math Objects Collections Arrays String Integer Long Double Float Boolean Character Byte Short Optional
    List Map Set Stream Collectors Thread LocalDate LocalDateTime Instant Duration BigDecimal UUID log logger LOG LOGGER
    Logger LoggerFactory Assert Assertions Mockito Class Pattern TimeUnit Charset StandardCharsets Paths Files Path
    Comparator Function Executors CompletableFuture Mono Flux ResponseEntity HttpStatus MediaType HttpMethod"""
)
METHODS = words(
    """toString equals hashCode getClass valueOf stream map filter collect forEach flatMap toList isPresent isEmpty
    orElse orElseThrow orElseGet ifPresent size length contains containsKey keySet values entrySet iterator hasNext next
    trim split substring startsWith endsWith indexOf replace append printStackTrace getMessage info debug warn error
    trace sorted distinct limit skip reduce anyMatch allMatch noneMatch findFirst findAny count peek subscribe block
    then doOnNext onErrorResume switchIfEmpty retrieve exchange bodyToMono isBlank charAt format addAll putAll clear
    compareTo toArray intValue longValue doubleValue ordinal name getBytes lines join wait notify"""
)


def foreign(module: str) -> bool:
    """Whether a package is the platform's or a common library's.

    Args:
        module: dotted name.
    """
    return module.startswith(FOREIGN)
