// The interop verbs of README.md, by sarama.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/IBM/sarama"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func config() *sarama.Config {
	settings := sarama.NewConfig()
	settings.ClientID = "interop"
	settings.Producer.Return.Successes = true
	settings.Producer.RequiredAcks = sarama.WaitForAll
	settings.Producer.Idempotent = true
	settings.Net.MaxOpenRequests = 1
	settings.Consumer.Offsets.Initial = sarama.OffsetOldest
	settings.Consumer.Offsets.AutoCommit.Enable = false
	settings.Consumer.Return.Errors = false
	return settings
}

func messages(topic, prefix string, count int, keyed bool) []*sarama.ProducerMessage {
	var all []*sarama.ProducerMessage
	for i := 0; i < count; i++ {
		message := &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(fmt.Sprintf("%s-%d", prefix, i))}
		if keyed {
			message.Key = sarama.StringEncoder(fmt.Sprintf("key-%d", i))
		}
		all = append(all, message)
	}
	return all
}

func produce(bootstrap, topic, count, codec string) {
	settings := config()
	check(settings.Producer.Compression.UnmarshalText([]byte(codec)))
	total, err := strconv.Atoi(count)
	check(err)
	producer, err := sarama.NewSyncProducer([]string{bootstrap}, settings)
	check(err)
	check(producer.SendMessages(messages(topic, "value", total, true)))
	check(producer.Close())
	fmt.Println("produced", count)
}

// handler is told of each assignment and gets every message of the partitions held.
type handler struct {
	assigned func(partitions []int32)
	message  func(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage)
}

func (h handler) Setup(session sarama.ConsumerGroupSession) error {
	for _, partitions := range session.Claims() {
		h.assigned(partitions)
	}
	return nil
}

func (h handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (h handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			h.message(session, message)
		case <-session.Context().Done():
			return nil
		}
	}
}

// join stays in the group until the context ends.
func join(ctx context.Context, bootstrap, topic, group string, h handler) {
	member, err := sarama.NewConsumerGroup([]string{bootstrap}, group, config())
	check(err)
	for ctx.Err() == nil {
		if err := member.Consume(ctx, []string{topic}, h); err != nil && !errors.Is(err, context.Canceled) {
			check(err)
		}
	}
	check(member.Close())
}

func consume(ctx context.Context, bootstrap, topic, group, count string) {
	total, err := strconv.Atoi(count)
	check(err)
	ctx, enough := context.WithCancel(ctx)
	var lock sync.Mutex
	seen := 0
	join(ctx, bootstrap, topic, group, handler{
		assigned: func([]int32) {},
		message: func(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) {
			lock.Lock()
			defer lock.Unlock()
			if seen == total {
				return
			}
			fmt.Println(string(message.Value))
			session.MarkMessage(message, "")
			if seen++; seen == total {
				session.Commit()
				enough()
			}
		},
	})
}

func member(ctx context.Context, bootstrap, topic, group string) {
	ctx, leave := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		leave()
	}()
	join(ctx, bootstrap, topic, group, handler{
		assigned: func(partitions []int32) {
			sort.Slice(partitions, func(i, j int) bool { return partitions[i] < partitions[j] })
			fmt.Println("assigned " + strings.Trim(strings.ReplaceAll(fmt.Sprint(partitions), " ", ","), "[]"))
		},
		message: func(sarama.ConsumerGroupSession, *sarama.ConsumerMessage) {},
	})
}

func transact(bootstrap, topic, group, transactionalID string) {
	settings := config()
	settings.Producer.Transaction.ID = transactionalID
	producer, err := sarama.NewSyncProducer([]string{bootstrap}, settings)
	check(err)
	check(producer.BeginTxn())
	check(producer.SendMessages(messages(topic, "aborted", 10, false)))
	check(producer.AbortTxn())
	check(producer.BeginTxn())
	check(producer.SendMessages(messages(topic, "committed", 10, false)))
	offsets := map[string][]*sarama.PartitionOffsetMetadata{topic: {{Partition: 0, Offset: 5, LeaderEpoch: -1}}}
	check(producer.AddOffsetsToTxn(offsets, group))
	check(producer.CommitTxn())
	check(producer.Close())
	fmt.Println("transacted")
}

// lastRecord is the offset of the last record before end that is no marker: sarama's consumer shows none of those, so
// one who wants to read to the end has to know.
func lastRecord(client sarama.Client, topic string, partition int32, end int64) int64 {
	leader, err := client.Leader(topic, partition)
	check(err)
	for offset := end - 1; offset >= 0; offset-- {
		request := &sarama.FetchRequest{Version: 11, MinBytes: 1, MaxWaitTime: 500, MaxBytes: 1 << 20}
		request.AddBlock(topic, partition, offset, 1<<20, -1)
		response, err := leader.Fetch(request)
		check(err)
		block := response.GetBlock(topic, partition)
		if !errors.Is(block.Err, sarama.ErrNoError) {
			check(block.Err)
		}
		if !block.RecordsSet[0].RecordBatch.Control {
			return offset
		}
	}
	return -1
}

func read(bootstrap, topic string) {
	settings := config()
	settings.Consumer.IsolationLevel = sarama.ReadCommitted
	client, err := sarama.NewClient([]string{bootstrap}, settings)
	check(err)
	consumer, err := sarama.NewConsumerFromClient(client)
	check(err)
	partitions, err := client.Partitions(topic)
	check(err)
	for _, partition := range partitions {
		end, err := client.GetOffset(topic, partition, sarama.OffsetNewest)
		check(err)
		last := lastRecord(client, topic, partition, end)
		if last < 0 {
			continue
		}
		claim, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
		check(err)
		for message := range claim.Messages() {
			fmt.Println(string(message.Value))
			if message.Offset >= last {
				break
			}
		}
		check(claim.Close())
	}
	check(consumer.Close())
	check(client.Close())
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	verb, a := os.Args[1], os.Args[2:]
	switch verb {
	case "produce":
		produce(a[0], a[1], a[2], a[3])
	case "consume":
		consume(ctx, a[0], a[1], a[2], a[3])
	case "member":
		member(ctx, a[0], a[1], a[2])
	case "transact":
		transact(a[0], a[1], a[2], a[3])
	case "read":
		read(a[0], a[1])
	default:
		log.Fatalf("unknown verb %s", verb)
	}
}
