// What a JVM is told before Spark runs in it: for the bench, and for the interop suite's jobs.

/** The packages of the JDK that Spark reaches into (its launcher's JavaModuleOptions). */
export const OPENED_TO_SPARK = [
  'java.lang',
  'java.lang.invoke',
  'java.lang.reflect',
  'java.io',
  'java.net',
  'java.nio',
  'java.util',
  'java.util.concurrent',
  'java.util.concurrent.atomic',
  'jdk.internal.ref',
  'sun.nio.ch',
  'sun.nio.cs',
  'sun.security.action',
  'sun.util.calendar',
].map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`)
