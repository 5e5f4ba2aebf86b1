// Load for a broker, by librdkafka: the client that is fast enough to find out what a broker can do. One
// line of JSON on standard output; anything unexpected ends it with a message and exit code 1.
//
//   load produce BROKERS TOPIC COUNT SIZE IN_FLIGHT   as fast as it goes, acks=all
//   load consume BROKERS TOPIC COUNT                  partition 0 from its start
//   load pace BROKERS TOPIC SIZE RATE SECONDS         at a steady rate, without lingering: time to the acknowledgement
//   load through BROKERS INPUT OUTPUT SIZE RATE SECONDS
//                                                     the same, and reads OUTPUT (committed): time from produce to
//                                                     the record that a job made of it being seen there
//
// Build: cc -O2 -o load load.c -lrdkafka -lpthread

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static char error_text[512];

static void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

static long long now_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (long long)at.tv_sec * 1000000000LL + at.tv_nsec;
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  if (rd_kafka_conf_set(conf, name, value, error_text, sizeof error_text) != RD_KAFKA_CONF_OK)
    fail("%s=%s: %s", name, value, error_text);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
  rd_kafka_t *handle = rd_kafka_new(type, conf, error_text, sizeof error_text);
  if (handle == NULL) fail("no client: %s", error_text);
  return handle;
}

/* Text of single-byte characters, as the rest of the bench has it; one line in a hundred is looked for. */
static void fill_text(char *target, size_t size, unsigned seed) {
  size_t at = 0;
  if (seed % 100 == 50 && size >= 7) {
    memcpy(target, "needle ", 7);
    at = 7;
  }
  unsigned state = seed * 2654435761u + 1;
  for (; at < size; at++) {
    state = state * 1664525u + 1013904223u;
    target[at] = (state >> 24) % 6 == 0 ? ' ' : (char)('a' + (state >> 16) % 26);
  }
}

/* ---- produce ---- */

static long long delivered;
static long long refused;

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque) {
  (void)handle;
  (void)opaque;
  (void)message;
  refused++;
}

static void produce(const char *brokers, const char *topic, long long count, size_t size, const char *in_flight) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", brokers);
  set(conf, "acks", "all");
  set(conf, "max.in.flight.requests.per.connection", in_flight);
  set(conf, "queue.buffering.max.messages", "1000000");
  set(conf, "queue.buffering.max.kbytes", "1048576");
  set(conf, "delivery.report.only.error", "true");
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, conf);
  rd_kafka_topic_t *handle = rd_kafka_topic_new(producer, topic, NULL);
  if (handle == NULL) fail("no topic %s", topic);

  enum { GROUP = 1000, LINES = 4096 };
  char *text = malloc(LINES * size);
  for (unsigned i = 0; i < LINES; i++) fill_text(text + i * size, size, i);
  rd_kafka_message_t *messages = calloc(GROUP, sizeof *messages);
  /* Connected, and the topic known, before the clock starts. */
  const struct rd_kafka_metadata *metadata;
  rd_kafka_resp_err_t error = rd_kafka_metadata(producer, 0, handle, &metadata, 10000);
  if (error) fail("metadata: %s", rd_kafka_err2str(error));
  rd_kafka_metadata_destroy(metadata);

  double cpu_before = cpu_seconds();
  long long started = now_ns();
  for (long long sent = 0; sent < count;) {
    int group = count - sent < GROUP ? (int)(count - sent) : GROUP;
    for (int i = 0; i < group; i++) {
      memset(&messages[i], 0, sizeof messages[i]);
      messages[i].payload = text + ((sent + i) % LINES) * size;
      messages[i].len = size;
    }
    int from = 0;
    while (from < group) {
      int taken = rd_kafka_produce_batch(handle, 0, 0, messages + from, group - from);
      /* The queue takes the first ones and refuses the rest. */
      from += taken;
      rd_kafka_poll(producer, taken == 0 ? 1 : 0);
    }
    sent += group;
  }
  if (rd_kafka_flush(producer, 120000) != RD_KAFKA_RESP_ERR_NO_ERROR) fail("not all was delivered in time");
  double seconds = (now_ns() - started) / 1e9;
  double cpu = cpu_seconds() - cpu_before;
  if (refused > 0) fail("%lld records were not delivered", refused);
  int64_t low, high;
  error = rd_kafka_query_watermark_offsets(producer, topic, 0, &low, &high, 10000);
  if (error) fail("offsets: %s", rd_kafka_err2str(error));
  printf("{\"records\":%lld,\"bytes\":%lld,\"seconds\":%.6f,\"clientCpuSeconds\":%.3f,\"endOffset\":%lld}\n", count,
         count * (long long)size, seconds, cpu, (long long)high);
  rd_kafka_topic_destroy(handle);
  rd_kafka_destroy(producer);
}

/* ---- consume ---- */

static rd_kafka_t *reader(const char *brokers, const char *topic, int64_t offset, const char *isolation) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", brokers);
  set(conf, "group.id", "bench");
  set(conf, "enable.auto.commit", "false");
  set(conf, "isolation.level", isolation);
  set(conf, "queued.max.messages.kbytes", "262144");
  set(conf, "queued.min.messages", "1000000");
  set(conf, "fetch.wait.max.ms", "100");
  rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, conf);
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(partitions, topic, 0)->offset = offset;
  rd_kafka_resp_err_t error = rd_kafka_assign(consumer, partitions);
  if (error) fail("assign: %s", rd_kafka_err2str(error));
  rd_kafka_topic_partition_list_destroy(partitions);
  return consumer;
}

static void consume(const char *brokers, const char *topic, long long count) {
  rd_kafka_t *consumer = reader(brokers, topic, 0, "read_uncommitted");
  rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
  enum { GROUP = 10000 };
  rd_kafka_message_t **messages = malloc(GROUP * sizeof *messages);
  long long records = 0, bytes = 0, started = 0;
  double cpu_before = 0;
  while (records < count) {
    ssize_t got = rd_kafka_consume_batch_queue(queue, 30000, messages, GROUP);
    if (got <= 0) fail("nothing more after %lld of %lld records", records, count);
    for (ssize_t i = 0; i < got; i++) {
      if (messages[i]->err) fail("after %lld records: %s", records, rd_kafka_message_errstr(messages[i]));
      /* What came first is counted from: connecting is not what is measured. */
      if (started == 0) {
        started = now_ns();
        cpu_before = cpu_seconds();
      }
      if (messages[i]->offset != records) fail("offset %lld where %lld was due", (long long)messages[i]->offset, records);
      records++;
      bytes += messages[i]->len;
      rd_kafka_message_destroy(messages[i]);
    }
  }
  double seconds = (now_ns() - started) / 1e9;
  printf("{\"records\":%lld,\"bytes\":%lld,\"seconds\":%.6f,\"clientCpuSeconds\":%.3f}\n", records, bytes, seconds,
         cpu_seconds() - cpu_before);
  rd_kafka_queue_destroy(queue);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
}

/* ---- pace and through ---- */

static double *latencies_ms;
static long long measured;
static long long wanted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note_latency(long long sent_ns) {
  pthread_mutex_lock(&lock);
  if (measured < wanted) latencies_ms[measured++] = (now_ns() - sent_ns) / 1e6;
  pthread_mutex_unlock(&lock);
}

static int ascending(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return left < right ? -1 : left > right;
}

static void print_latencies(double seconds) {
  qsort(latencies_ms, measured, sizeof *latencies_ms, ascending);
  printf("{\"records\":%lld,\"seconds\":%.3f,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"maxMs\":%.3f}\n", measured, seconds,
         latencies_ms[(measured - 1) / 2], latencies_ms[(long long)((measured - 1) * 0.99)], latencies_ms[measured - 1]);
}

static void on_acknowledged(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque) {
  (void)handle;
  (void)opaque;
  if (message->err) fail("not delivered: %s", rd_kafka_err2str(message->err));
  delivered++;
  if (message->_private != NULL) {
    note_latency(*(long long *)message->_private);
    free(message->_private);
  }
}

struct pacing {
  const char *brokers, *topic;
  size_t size;
  double rate, seconds;
  int measures_acknowledgement;
};

/* Sends at the times that the rate gives, not when the last one is done: a stall is seen by all that wait. */
static void *pace(void *argument) {
  struct pacing *pacing = argument;
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", pacing->brokers);
  set(conf, "acks", "all");
  set(conf, "linger.ms", "0");
  set(conf, "socket.nagle.disable", "true");
  rd_kafka_conf_set_dr_msg_cb(conf, on_acknowledged);
  rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, conf);
  rd_kafka_topic_t *handle = rd_kafka_topic_new(producer, pacing->topic, NULL);
  char *text = malloc(pacing->size);
  fill_text(text, pacing->size, 1);
  long long total = (long long)(pacing->rate * pacing->seconds);
  /* A second of warming up, not measured. */
  long long warm = (long long)pacing->rate;
  long long started = now_ns();
  for (long long i = 0; i < total + warm; i++) {
    long long due = started + (long long)(i * 1e9 / pacing->rate);
    while (now_ns() < due) rd_kafka_poll(producer, due - now_ns() > 2000000 ? 1 : 0);
    long long *sent = NULL;
    if (i >= warm && pacing->measures_acknowledgement) {
      sent = malloc(sizeof *sent);
      *sent = due;
    }
    /* When it was sent, as text in front of the line; 0 while warming up. */
    char stamp[24];
    snprintf(stamp, sizeof stamp, "%019lld ", i >= warm ? due : 0LL);
    memcpy(text, stamp, 20);
    while (rd_kafka_produce(handle, 0, RD_KAFKA_MSG_F_COPY, text, pacing->size, NULL, 0, sent) == -1) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail("produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
      rd_kafka_poll(producer, 1);
    }
  }
  if (rd_kafka_flush(producer, 60000) != RD_KAFKA_RESP_ERR_NO_ERROR) fail("not all was acknowledged in time");
  rd_kafka_topic_destroy(handle);
  rd_kafka_destroy(producer);
  return NULL;
}

static void through(struct pacing *pacing, const char *output) {
  rd_kafka_t *consumer = reader(pacing->brokers, output, RD_KAFKA_OFFSET_BEGINNING, "read_committed");
  pthread_t thread;
  if (pthread_create(&thread, NULL, pace, pacing) != 0) fail("no thread: %s", strerror(errno));
  long long give_up = now_ns() + (long long)((pacing->seconds + 60) * 1e9);
  while (measured < wanted) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
    if (now_ns() > give_up) fail("%lld of %lld records came through", measured, wanted);
    if (message == NULL) continue;
    if (!message->err && message->len >= 20) {
      char stamp[21];
      memcpy(stamp, message->payload, 20);
      stamp[20] = 0;
      long long sent = atoll(stamp);
      if (sent > 0) note_latency(sent);
    }
    rd_kafka_message_destroy(message);
  }
  pthread_join(thread, NULL);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  if (strcmp(mode, "produce") == 0 && argc == 7) {
    produce(argv[2], argv[3], atoll(argv[4]), (size_t)atoll(argv[5]), argv[6]);
  } else if (strcmp(mode, "consume") == 0 && argc == 5) {
    consume(argv[2], argv[3], atoll(argv[4]));
  } else if ((strcmp(mode, "pace") == 0 && argc == 7) || (strcmp(mode, "through") == 0 && argc == 8)) {
    int is_pace = argc == 7;
    char **rest = argv + (is_pace ? 4 : 5);
    struct pacing pacing = {argv[2], argv[3], (size_t)atoll(rest[0]), atof(rest[1]), atof(rest[2]), is_pace};
    if (pacing.size < 24) fail("at least 24 bytes a record");
    wanted = (long long)(pacing.rate * pacing.seconds);
    latencies_ms = malloc(wanted * sizeof *latencies_ms);
    long long started = now_ns();
    if (is_pace) pace(&pacing);
    else through(&pacing, argv[4]);
    print_latencies((now_ns() - started) / 1e9);
  } else {
    fail("usage: load produce|consume|pace|through ...");
  }
  return 0;
}
