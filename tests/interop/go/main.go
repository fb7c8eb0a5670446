// franz-go against a broker: franz BOOTSTRAP PREFIX. Prints `check NAME ok` or `check NAME failed: REASON`.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	count          = 300
	partitions     = 3
	firstTimestamp = int64(1700000000000)
)

type suite struct {
	bootstrap string
	prefix    string
	admin     *kadm.Client
}

// record repeats the rule of tests/interop/corpus.py.
func record(topic string, i int) *kgo.Record {
	one := &kgo.Record{Topic: topic, Partition: int32(i % partitions), Timestamp: time.UnixMilli(firstTimestamp + int64(i)*1000)}
	if i%7 != 0 {
		one.Key = []byte(fmt.Sprintf("schlüssel-%d", i))
	}
	switch {
	case i%11 == 5 && i%7 != 0:
	case i%13 == 6:
		one.Value = []byte{}
	default:
		one.Value = []byte(fmt.Sprintf("value-%d-%s", i, strings.Repeat("ab", i%40)))
	}
	if i%3 == 1 {
		one.Headers = []kgo.RecordHeader{
			{Key: "trace", Value: []byte(fmt.Sprintf("id-%d", i))}, {Key: "trace", Value: []byte("again")}, {Key: "empty", Value: []byte{}},
		}
	}
	return one
}

func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func verify(read []*kgo.Record) error {
	if len(read) != count {
		return fmt.Errorf("%d records", len(read))
	}
	parts := map[int32][]*kgo.Record{}
	for _, one := range read {
		parts[one.Partition] = append(parts[one.Partition], one)
	}
	for i := range count {
		want, have := record("", i), parts[int32(i%partitions)][i/partitions]
		equal := have.Offset == int64(i/partitions) && same(want.Key, have.Key) && same(want.Value, have.Value) &&
			want.Timestamp.Equal(have.Timestamp) && len(want.Headers) == len(have.Headers)
		for h := 0; equal && h < len(want.Headers); h++ {
			equal = want.Headers[h].Key == have.Headers[h].Key && same(want.Headers[h].Value, have.Headers[h].Value)
		}
		if !equal {
			return fmt.Errorf("record %d is %+v", i, have)
		}
	}
	return nil
}

func (s *suite) client(options ...kgo.Opt) (*kgo.Client, error) {
	base := []kgo.Opt{kgo.SeedBrokers(s.bootstrap), kgo.HeartbeatInterval(100 * time.Millisecond), kgo.FetchMaxWait(50 * time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}
	return kgo.NewClient(append(base, options...)...)
}

func (s *suite) topic(ctx context.Context, name string, parts int32) (string, error) {
	never := "-1"
	_, err := s.admin.CreateTopic(ctx, parts, 1, map[string]*string{"retention.ms": &never}, s.prefix+name)
	return s.prefix + name, err
}

func read(ctx context.Context, client *kgo.Client, wanted int) ([]*kgo.Record, error) {
	var records []*kgo.Record
	for len(records) < wanted {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		records = append(records, fetches.Records()...)
	}
	return records, nil
}

func (s *suite) corpus(ctx context.Context, name string, options ...kgo.Opt) error {
	topic, err := s.topic(ctx, "corpus-"+name, partitions)
	if err != nil {
		return err
	}
	producer, err := s.client(append(options, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(20*time.Millisecond))...)
	if err != nil {
		return err
	}
	defer producer.Close()
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = record(topic, i)
	}
	for _, result := range producer.ProduceSync(ctx, records...) {
		if result.Err != nil {
			return result.Err
		}
	}
	consumer, err := s.client(kgo.ConsumeTopics(topic))
	if err != nil {
		return err
	}
	defer consumer.Close()
	seen, err := read(ctx, consumer, count)
	if err != nil {
		return err
	}
	return verify(seen)
}

type members struct {
	mutex sync.Mutex
	owned map[string]map[int32]bool
}

func (m *members) join(s *suite, topic, name string, balancer kgo.GroupBalancer) (*kgo.Client, error) {
	change := func(assign bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
			m.mutex.Lock()
			defer m.mutex.Unlock()
			for _, partition := range changed[topic] {
				m.owned[name][partition] = assign
			}
		}
	}
	m.mutex.Lock()
	m.owned[name] = map[int32]bool{}
	m.mutex.Unlock()
	return s.client(kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic), kgo.Balancers(balancer), kgo.SessionTimeout(6*time.Second),
		kgo.OnPartitionsAssigned(change(true)), kgo.OnPartitionsRevoked(change(false)), kgo.OnPartitionsLost(change(false)))
}

// even says whether every partition has one owner and every member has as many as the others.
func (m *members) even(total int) bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	owners := map[int32]int{}
	for _, owned := range m.owned {
		mine := 0
		for partition, is := range owned {
			if is {
				owners[partition]++
				mine++
			}
		}
		if mine != total/len(m.owned) {
			return false
		}
	}
	return len(owners) == total
}

func (m *members) wait(ctx context.Context, total int) error {
	for !m.even(total) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("never balanced: %v", m.owned)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

func (s *suite) rebalances(ctx context.Context, balancer kgo.GroupBalancer) error {
	topic, err := s.topic(ctx, "rebalances-"+balancer.ProtocolName(), 4)
	if err != nil {
		return err
	}
	group := &members{owned: map[string]map[int32]bool{}}
	first, err := group.join(s, topic, "first", balancer)
	if err != nil {
		return err
	}
	if err = group.wait(ctx, 4); err != nil {
		return err
	}
	second, err := group.join(s, topic, "second", balancer)
	if err != nil {
		return err
	}
	defer second.Close()
	if err = group.wait(ctx, 4); err != nil {
		return err
	}
	first.Close()
	group.mutex.Lock()
	delete(group.owned, "first")
	group.mutex.Unlock()
	return group.wait(ctx, 4)
}

func (s *suite) resume(ctx context.Context) error {
	topic, err := s.topic(ctx, "resume", 1)
	if err != nil {
		return err
	}
	for round, values := range [][]string{{"a", "b"}, {"c"}} {
		client, err := s.client(kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic), kgo.DefaultProduceTopic(topic))
		if err != nil {
			return err
		}
		for _, value := range values {
			if err = client.ProduceSync(ctx, kgo.StringRecord(value)).FirstErr(); err != nil {
				return err
			}
		}
		records, err := read(ctx, client, len(values))
		if err != nil {
			return err
		}
		if string(records[0].Value) != values[0] || len(records) != len(values) {
			return fmt.Errorf("round %d read %s and %d records", round, records[0].Value, len(records))
		}
		if err = client.CommitUncommittedOffsets(ctx); err != nil {
			return err
		}
		client.Close()
	}
	offsets, err := s.admin.FetchOffsets(ctx, topic)
	if err != nil {
		return err
	}
	if committed, _ := offsets.Lookup(topic, 0); committed.At != 3 {
		return fmt.Errorf("committed %d", committed.At)
	}
	return nil
}

func (s *suite) topics(ctx context.Context) error {
	topic, err := s.topic(ctx, "topics", 2)
	if err != nil {
		return err
	}
	if _, err = s.topic(ctx, "topics", 2); !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("creating it again: %v", err)
	}
	if _, err = s.admin.UpdatePartitions(ctx, 3, topic); err != nil {
		return err
	}
	listed, err := s.admin.ListTopics(ctx, topic)
	if err != nil || len(listed[topic].Partitions) != 3 {
		return fmt.Errorf("listed %v, %v", listed, err)
	}
	value := "4321"
	if _, err = s.admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Name: "max.message.bytes", Value: &value}}, topic); err != nil {
		return err
	}
	configs, err := s.admin.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return err
	}
	found := false
	for _, config := range configs[0].Configs {
		found = found || config.Key == "max.message.bytes" && config.MaybeValue() == value
	}
	if !found {
		return fmt.Errorf("configs %v", configs)
	}
	_, err = s.admin.DeleteTopic(ctx, topic)
	return err
}

func (s *suite) offsets(ctx context.Context) error {
	topic, err := s.topic(ctx, "offsets", partitions)
	if err != nil {
		return err
	}
	client, err := s.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer client.Close()
	for i := range count {
		client.Produce(ctx, record(topic, i), nil)
	}
	if err = client.Flush(ctx); err != nil {
		return err
	}
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 20})
	if _, err = s.admin.DeleteRecords(ctx, offsets); err != nil {
		return err
	}
	start, err := s.admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return err
	}
	end, err := s.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	after, err := s.admin.ListOffsetsAfterMilli(ctx, firstTimestamp+91_000, topic)
	if err != nil {
		return err
	}
	if start[topic][0].Offset != 20 || end[topic][0].Offset != 100 || after[topic][1].Offset != 30 {
		return fmt.Errorf("start %v, end %v, after %v", start, end, after)
	}
	return nil
}

func (s *suite) groups(ctx context.Context) error {
	group := s.prefix + "groups"
	topic, err := s.topic(ctx, "groups", 1)
	if err != nil {
		return err
	}
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 5, LeaderEpoch: -1})
	if err = s.admin.CommitAllOffsets(ctx, group, offsets); err != nil {
		return err
	}
	described, err := s.admin.DescribeGroups(ctx, group)
	if err != nil || described[group].State != "Empty" {
		return fmt.Errorf("described %v, %v", described, err)
	}
	listed, err := s.admin.ListGroups(ctx)
	if err != nil || listed[group].Group != group {
		return fmt.Errorf("listed %v, %v", listed, err)
	}
	_, err = s.admin.DeleteGroup(ctx, group)
	return err
}

func main() {
	s := &suite{bootstrap: os.Args[1], prefix: os.Args[2]}
	client, err := s.client()
	if err != nil {
		panic(err)
	}
	s.admin = kadm.NewClient(client)
	codec := func(name string, codec kgo.CompressionCodec) func(context.Context) error {
		return func(ctx context.Context) error { return s.corpus(ctx, name, kgo.ProducerBatchCompression(codec)) }
	}
	balance := func(balancer kgo.GroupBalancer) func(context.Context) error {
		return func(ctx context.Context) error { return s.rebalances(ctx, balancer) }
	}
	checks := []struct {
		name string
		run  func(context.Context) error
	}{
		{"corpus_none", codec("none", kgo.NoCompression())}, {"corpus_gzip", codec("gzip", kgo.GzipCompression())},
		{"corpus_snappy", codec("snappy", kgo.SnappyCompression())}, {"corpus_lz4", codec("lz4", kgo.Lz4Compression())},
		{"corpus_zstd", codec("zstd", kgo.ZstdCompression())},
		{"corpus_not_idempotent", func(ctx context.Context) error { return s.corpus(ctx, "plain", kgo.DisableIdempotentWrite()) }},
		{"rebalances_range", balance(kgo.RangeBalancer())}, {"rebalances_sticky", balance(kgo.StickyBalancer())},
		{"rebalances_cooperative_sticky", balance(kgo.CooperativeStickyBalancer())},
		{"resume", s.resume}, {"topics", s.topics}, {"offsets", s.offsets}, {"groups", s.groups},
	}
	for _, check := range checks {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if err := check.run(ctx); err != nil {
			fmt.Printf("check %s failed: %v\n", check.name, strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Printf("check %s ok\n", check.name)
		}
		cancel()
	}
}
