// The interop verbs of README.md, by franz-go.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func client(bootstrap string, options ...kgo.Opt) *kgo.Client {
	made, err := kgo.NewClient(append(options, kgo.SeedBrokers(bootstrap), kgo.AllowAutoTopicCreation())...)
	check(err)
	return made
}

func codec(name string) kgo.CompressionCodec {
	return map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}[name]
}

func produce(ctx context.Context, bootstrap, topic, count, codecName string) {
	producer := client(bootstrap, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(codec(codecName)))
	defer producer.Close()
	total, err := strconv.Atoi(count)
	check(err)
	var records []*kgo.Record
	for i := 0; i < total; i++ {
		records = append(records, &kgo.Record{Key: []byte(fmt.Sprintf("key-%d", i)), Value: []byte(fmt.Sprintf("value-%d", i))})
	}
	check(producer.ProduceSync(ctx, records...).FirstErr())
	fmt.Println("produced", count)
}

func consume(ctx context.Context, bootstrap, topic, group, count string) {
	consumer := client(bootstrap, kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer consumer.Close()
	total, err := strconv.Atoi(count)
	check(err)
	for seen := 0; seen < total; {
		fetches := consumer.PollFetches(ctx)
		for _, failure := range fetches.Errors() {
			check(failure.Err)
		}
		fetches.EachRecord(func(record *kgo.Record) {
			fmt.Println(string(record.Value))
			seen++
		})
	}
	check(consumer.CommitUncommittedOffsets(ctx))
	check(consumer.LeaveGroupContext(ctx))
}

func member(ctx context.Context, bootstrap, topic, group string) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.ReadAll(os.Stdin)
		cancel()
	}()
	held := map[int32]bool{}
	report := func() {
		var partitions []string
		for partition := range held {
			partitions = append(partitions, strconv.Itoa(int(partition)))
		}
		sort.Strings(partitions)
		fmt.Println("assigned " + strings.Join(partitions, ","))
	}
	var protocol []kgo.Opt
	// KIP-848: the server balances.
	if os.Getenv("GROUP_PROTOCOL") == "consumer" {
		protocol = append(protocol, kgo.ServerSideBalancer())
	}
	// franz-go balances cooperatively: assigned and revoked partitions come as differences.
	consumer := client(bootstrap, append(protocol, kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, assigned map[string][]int32) {
			for _, partition := range assigned[topic] {
				held[partition] = true
			}
			report()
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, revoked map[string][]int32) {
			for _, partition := range revoked[topic] {
				delete(held, partition)
			}
			report()
		}))...)
	for ctx.Err() == nil {
		consumer.PollFetches(ctx)
	}
	leave, done := context.WithTimeout(context.Background(), 10*time.Second)
	defer done()
	check(consumer.LeaveGroupContext(leave))
	consumer.Close()
}

func transact(ctx context.Context, bootstrap, topic, group, transactionalID string) {
	producer := client(bootstrap, kgo.DefaultProduceTopic(topic), kgo.TransactionalID(transactionalID))
	write := func(prefix string) {
		check(producer.BeginTransaction())
		for i := 0; i < 10; i++ {
			check(producer.ProduceSync(ctx, kgo.StringRecord(fmt.Sprintf("%s-%d", prefix, i))).FirstErr())
		}
	}
	write("aborted")
	check(producer.EndTransaction(ctx, kgo.TryAbort))
	producer.Close()
	// Offsets go with a transaction through a group session: it consumes five records of the topic and commits that.
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(bootstrap), kgo.TransactionalID(transactionalID),
		kgo.DefaultProduceTopic(topic), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadUncommitted()))
	check(err)
	defer session.Close()
	var fetches kgo.Fetches
	for seen := 0; seen < 5; seen += fetches.NumRecords() {
		fetches = session.PollRecords(ctx, 5-seen)
		check(fetches.Err())
	}
	check(session.Begin())
	for i := 0; i < 10; i++ {
		check(session.ProduceSync(ctx, kgo.StringRecord(fmt.Sprintf("committed-%d", i))).FirstErr())
	}
	committed, err := session.End(ctx, kgo.TryCommit)
	check(err)
	if !committed {
		check(fmt.Errorf("the transaction was not committed"))
	}
	fmt.Println("transacted")
}

func read(ctx context.Context, bootstrap, topic string) {
	reader := client(bootstrap, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords())
	defer reader.Close()
	ends, err := kadm.NewClient(reader).ListCommittedOffsets(ctx, topic)
	check(err)
	left := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			left[end.Partition] = end.Offset
		}
	})
	for len(left) > 0 {
		fetches := reader.PollFetches(ctx)
		check(fetches.Err())
		fetches.EachRecord(func(record *kgo.Record) {
			if !record.Attrs.IsControl() {
				fmt.Println(string(record.Value))
			}
			if record.Offset+1 >= left[record.Partition] {
				delete(left, record.Partition)
			}
		})
	}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	verb, a := os.Args[1], os.Args[2:]
	switch verb {
	case "produce":
		produce(ctx, a[0], a[1], a[2], a[3])
	case "consume":
		consume(ctx, a[0], a[1], a[2], a[3])
	case "member":
		member(ctx, a[0], a[1], a[2])
	case "transact":
		transact(ctx, a[0], a[1], a[2], a[3])
	case "read":
		read(ctx, a[0], a[1])
	default:
		check(fmt.Errorf("unknown verb %s", verb))
	}
}
